"""How the lives of journeys, tenants and contacts change while batches run.

Whoever changes something locks in one order: the tenant's and the journey's status, then pending
steps in order of their enrollments, then the enrollments, then messages. A batch holds its steps
before it closes an enrollment and never waits for a step, so nobody can lock the other out.
"""
