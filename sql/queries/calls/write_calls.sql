-- Write calls down, one row each: where their tenant is known in its log, else in quarantine, out of
-- which they go as soon as it is. What is already written as it is given is not written again.
--   One array a column, in order of (tenant_id, pbx, unique_id); times in epoch seconds.
--   :documents, a JSON array of [flow, user_events, state]: as texts in arrays, each quote in them
--   would have to be escaped, at a third of the flush's time
-- Returns what was written in logs.
WITH given AS (
  SELECT * FROM ROWS FROM (unnest(
    :tenant_id::uuid[], :queue_id::uuid[], :agent_id::uuid[], :extension::text[], :pbx::text[],
    :unique_id::text[], :linked_id::text[], :direction::text[], :from_number::text[],
    :to_number::text[], :did::text[], :trunk::text[], :context::text[], :transfer_number::text[],
    :status::text[], :disposition::text[], :started_at::double precision[],
    :ringing_at::double precision[], :answered_at::double precision[],
    :ended_at::double precision[], :duration::integer[], :billable_seconds::integer[],
    :hangup_cause::integer[], :hangup_text::text[], :unknown_end::boolean[]
  ), jsonb_array_elements(:documents::jsonb)) AS g (
    tenant_id, queue_id, agent_id, extension, pbx, unique_id, linked_id, direction, from_number,
    to_number, did, trunk, context, transfer_number, status, disposition, started_at, ringing_at,
    answered_at, ended_at, duration, billable_seconds, hangup_cause, hangup_text, unknown_end,
    document
  )
), logged AS (
  INSERT INTO call_logs AS k (
    tenant_id, agent_id, campaign_id, contact_id, journey_contact_id, execution_id,
    pbx, unique_id, linked_id, direction, from_number, to_number, did, trunk, context,
    transfer_number, status, disposition, started_at, ringing_at, answered_at, ended_at, duration,
    billable_seconds, hangup_cause, hangup_text, unknown_end, flow, user_events, state
  )
  SELECT g.tenant_id, a.id, q.campaign_id, coalesce(q.contact_id, c.id), q.journey_contact_id,
    q.execution_id,
    g.pbx, g.unique_id, g.linked_id, g.direction, coalesce(q.from_number, g.from_number),
    coalesce(q.to_number, g.to_number), coalesce(g.did, q.from_number), g.trunk, g.context,
    g.transfer_number, g.status, g.disposition, to_timestamp(g.started_at),
    to_timestamp(g.ringing_at), to_timestamp(g.answered_at), to_timestamp(g.ended_at), g.duration,
    g.billable_seconds, g.hangup_cause, g.hangup_text, g.unknown_end, g.document -> 0,
    g.document -> 1, g.document -> 2
  FROM given AS g
  LEFT JOIN call_queue AS q ON q.tenant_id = g.tenant_id AND q.id = g.queue_id
  LEFT JOIN contacts AS c ON c.tenant_id = g.tenant_id
    AND c.phone_number = CASE g.direction WHEN 'inbound' THEN g.from_number ELSE g.to_number END
  LEFT JOIN LATERAL (
    SELECT x.id FROM agents AS x
    WHERE x.tenant_id = g.tenant_id AND (x.extension = g.extension OR x.id = g.agent_id)
    ORDER BY x.extension IS NOT DISTINCT FROM g.extension DESC, x.id
    LIMIT 1
  ) AS a ON true
  WHERE g.tenant_id IS NOT NULL
  ORDER BY g.tenant_id, g.pbx, g.unique_id
  ON CONFLICT (tenant_id, pbx, unique_id) DO UPDATE SET
    agent_id = coalesce(EXCLUDED.agent_id, k.agent_id),
    campaign_id = coalesce(EXCLUDED.campaign_id, k.campaign_id),
    contact_id = coalesce(EXCLUDED.contact_id, k.contact_id),
    journey_contact_id = coalesce(EXCLUDED.journey_contact_id, k.journey_contact_id),
    execution_id = coalesce(EXCLUDED.execution_id, k.execution_id),
    linked_id = EXCLUDED.linked_id, direction = EXCLUDED.direction,
    from_number = EXCLUDED.from_number, to_number = EXCLUDED.to_number, did = EXCLUDED.did,
    trunk = EXCLUDED.trunk, context = EXCLUDED.context, transfer_number = EXCLUDED.transfer_number,
    status = EXCLUDED.status, disposition = EXCLUDED.disposition, started_at = EXCLUDED.started_at,
    ringing_at = EXCLUDED.ringing_at, answered_at = EXCLUDED.answered_at,
    ended_at = EXCLUDED.ended_at, duration = EXCLUDED.duration,
    billable_seconds = EXCLUDED.billable_seconds, hangup_cause = EXCLUDED.hangup_cause,
    hangup_text = EXCLUDED.hangup_text, unknown_end = EXCLUDED.unknown_end, flow = EXCLUDED.flow,
    user_events = EXCLUDED.user_events, state = EXCLUDED.state, updated_at = now()
  WHERE k.state IS DISTINCT FROM EXCLUDED.state
  RETURNING k.tenant_id, k.pbx, k.unique_id, k.contact_id
), released AS (
  DELETE FROM call_quarantine AS r
  USING given AS g
  WHERE g.tenant_id IS NOT NULL AND r.pbx = g.pbx AND r.unique_id = g.unique_id
), kept AS (
  INSERT INTO call_quarantine AS k (
    pbx, unique_id, linked_id, direction, from_number, to_number, did, trunk, context,
    transfer_number, status, disposition, started_at, ringing_at, answered_at, ended_at, duration,
    billable_seconds, hangup_cause, hangup_text, unknown_end, flow, user_events, state
  )
  SELECT
    g.pbx, g.unique_id, g.linked_id, g.direction, g.from_number, g.to_number, g.did, g.trunk,
    g.context, g.transfer_number, g.status, g.disposition, to_timestamp(g.started_at),
    to_timestamp(g.ringing_at), to_timestamp(g.answered_at), to_timestamp(g.ended_at), g.duration,
    g.billable_seconds, g.hangup_cause, g.hangup_text, g.unknown_end, g.document -> 0,
    g.document -> 1, g.document -> 2
  FROM given AS g
  WHERE g.tenant_id IS NULL
  ORDER BY g.pbx, g.unique_id
  ON CONFLICT (pbx, unique_id) DO UPDATE SET
    linked_id = EXCLUDED.linked_id, direction = EXCLUDED.direction,
    from_number = EXCLUDED.from_number, to_number = EXCLUDED.to_number, did = EXCLUDED.did,
    trunk = EXCLUDED.trunk, context = EXCLUDED.context, transfer_number = EXCLUDED.transfer_number,
    status = EXCLUDED.status, disposition = EXCLUDED.disposition, started_at = EXCLUDED.started_at,
    ringing_at = EXCLUDED.ringing_at, answered_at = EXCLUDED.answered_at,
    ended_at = EXCLUDED.ended_at, duration = EXCLUDED.duration,
    billable_seconds = EXCLUDED.billable_seconds, hangup_cause = EXCLUDED.hangup_cause,
    hangup_text = EXCLUDED.hangup_text, unknown_end = EXCLUDED.unknown_end, flow = EXCLUDED.flow,
    user_events = EXCLUDED.user_events, state = EXCLUDED.state, updated_at = now()
  WHERE k.state IS DISTINCT FROM EXCLUDED.state
)
SELECT * FROM logged;
