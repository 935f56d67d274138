"""What ends a run, or takes it out of this worker's hands."""


class DefiniteError(Exception):
    """Trying again can't help: bad arguments, an unreadable file, an unknown journey.

    The text is one clear sentence for the person who asked for the run.
    """


class BadArgumentsError(DefiniteError):
    """The arguments of a run, or how it was asked for; names all that is wrong."""


class RunTimedOutError(DefiniteError):
    """The run took longer than its kind may."""


class LeaseLostError(Exception):
    """Another worker has the run now, or it has ended; what is not committed must not be."""


class StopRequestedError(Exception):
    """This worker is told to stop; the run goes back into the ledger for another."""


class RunCancelledError(Exception):
    """The run was cancelled while it ran; committed chunks stay, nothing more is done."""
