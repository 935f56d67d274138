from jobs.deliveries.circuit import Circuit


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_an_outage_is_probed_by_single_messages_ever_further_apart():
    clock = Clock()
    circuit = Circuit(2, longest_wait_s=5, clock=clock)
    assert circuit.allowance(200) == 200

    circuit.record(reached=False)
    assert circuit.allowance(200) == 0
    clock.now += 2
    assert circuit.allowance(200) == 1
    assert circuit.allowance(200) == 0  # another thread asks while the probe is under way

    circuit.record(reached=False)
    clock.now += 3.9
    assert circuit.allowance(200) == 0
    clock.now += 0.1
    assert circuit.allowance(200) == 1
    circuit.record(reached=False)
    clock.now += 5
    assert circuit.allowance(200) == 1

    circuit.record(reached=True)
    assert circuit.allowance(200) == 200
