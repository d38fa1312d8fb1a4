-- Closed accounts. Owned by gateway/protection: a closed account is one that is excluded for ever, and says so.
--
-- Neither bets nor deposits any more; what is open is settled, corrections move what they move, and the rest can be taken
-- out for as long as there is any. Nobody opens it again.

SET LOCAL lock_timeout = '60s';
SET LOCAL statement_timeout = '60s';

-- squawk-ignore ban-drop-constraint
ALTER TABLE protection.exclusion DROP CONSTRAINT exclusion_kind_check;
-- squawk-ignore ban-drop-constraint
ALTER TABLE protection.exclusion DROP CONSTRAINT exclusion_time_out_ends;
ALTER TABLE protection.exclusion
    ADD CONSTRAINT exclusion_kind CHECK (kind IN ('time_out', 'self_exclusion', 'closed')) NOT VALID,
    ADD CONSTRAINT exclusion_ends CHECK (kind <> 'time_out' OR until IS NOT NULL) NOT VALID,
    ADD CONSTRAINT exclusion_closed_ever CHECK (kind <> 'closed' OR until IS NULL) NOT VALID;

-- As in 0007, and `closed` where the account is.
CREATE OR REPLACE FUNCTION protection.excluded(p_owner text, p_at timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT (
            jsonb_build_object('until', to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
            || CASE WHEN kind = 'closed' THEN '{"closed": true}'::jsonb ELSE '{}'::jsonb END
        )::text
        FROM protection.exclusion
        WHERE owner = p_owner AND (until IS NULL OR until > p_at)
        ORDER BY kind = 'closed' DESC, until DESC NULLS FIRST LIMIT 1
    );
END
$$;
