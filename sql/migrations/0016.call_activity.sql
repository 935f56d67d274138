-- depends: 0015.call_indexes
-- What contacts got lately counts their calls too. The columns there were keep their names, so that
-- workers of the release before go on.

-- squawk-ignore ban-drop-function
DROP FUNCTION trunkline_contact_activity(uuid[], uuid[], timestamptz[], timestamptz[], timestamptz);

-- Locks first, then looks: being VOLATILE it sees in its second statement what was committed by
-- those that held the locks before, so two batches never both find the same room for one more.
-- A contact that another batch holds is left out, so that none waits for the other.
CREATE FUNCTION trunkline_contact_activity(
  tenant_ids uuid[], contact_ids uuid[], day_starts timestamptz[], day_ends timestamptz[],
  moment timestamptz
) RETURNS TABLE (
  tenant_id uuid, contact_id uuid, journey_id uuid, messages_today bigint,
  last_message_at timestamptz, last_call_at timestamptz
)
LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
  places tid[];
BEGIN
  SELECT array_agg(held.place) INTO places
  FROM (
    SELECT c.ctid AS place
    FROM unnest(tenant_ids, contact_ids) AS w (tenant_id, id)
    CROSS JOIN LATERAL (
      SELECT k.tenant_id, k.id FROM contacts AS k
      WHERE k.tenant_id = w.tenant_id AND k.id = w.id
      OFFSET 0
    ) AS found
    JOIN contacts AS c ON c.tenant_id = found.tenant_id AND c.id = found.id
    ORDER BY c.tenant_id, c.id
    FOR NO KEY UPDATE OF c SKIP LOCKED
  ) AS held;
  RETURN QUERY
  SELECT c.tenant_id, c.id, m.journey_id, coalesce(m.today, 0), m.messaged_at, m.called_at
  FROM contacts AS c
  JOIN unnest(tenant_ids, contact_ids, day_starts, day_ends)
    AS w (tenant_id, id, day_start, day_end) ON w.tenant_id = c.tenant_id AND w.id = c.id
  LEFT JOIN LATERAL (
    SELECT x.journey_id,
      max(x.at) FILTER (WHERE NOT x.call) AS messaged_at,
      max(x.at) FILTER (WHERE x.call) AS called_at,
      count(*) FILTER (WHERE NOT x.call AND x.at >= w.day_start AND x.at < w.day_end) AS today
    FROM (
      SELECT s.journey_id, false AS call,
        CASE s.status WHEN 'SENT' THEN s.sent_at ELSE greatest(s.due_at, moment) END AS at
      FROM messages AS s
      WHERE s.tenant_id = c.tenant_id AND s.contact_id = c.id
        AND s.status IN ('QUEUED', 'SENDING', 'SENT')
      UNION ALL
      -- A call that is put off for later is not in the way of one now.
      SELECT q.journey_id, true,
        CASE WHEN q.state IN ('QUEUED', 'DIALING') AND q.due_at <= moment
          THEN moment ELSE q.dialed_at END
      FROM call_queue AS q
      WHERE q.tenant_id = c.tenant_id AND q.contact_id = c.id
      UNION ALL
      -- Calls to it that others made.
      SELECT NULL, true, l.at
      FROM (
        SELECT coalesce(k.started_at, k.created_at) AS at
        FROM call_logs AS k
        WHERE k.tenant_id = c.tenant_id AND k.phone_number = c.phone_number
          AND k.direction = 'outbound'
        ORDER BY k.created_at DESC
        LIMIT 1
      ) AS l
      OFFSET 0
    ) AS x
    WHERE x.at IS NOT NULL
    GROUP BY x.journey_id
  ) AS m ON true
  WHERE c.ctid = ANY (places);
END
$$;
COMMENT ON FUNCTION trunkline_contact_activity IS
  'What contacts got, a row for each journey (null: none), and of those without messages one; locks them until the transaction ends';
