-- Commits are numbered by one row that each of them takes in turn, as the product's are. Without that they need not wait for
-- each other, and share the number of the newest, which is all that the capture triggers ask for.
CREATE SEQUENCE ref_commit START 1000000000;
CREATE FUNCTION ref_post(first_k BIGINT, past_k BIGINT, tenant TEXT, mark TEXT, shift BIGINT, in_turn BOOLEAN)
RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    commit_now BIGINT;
BEGIN
IF in_turn THEN
    UPDATE commit_sequence SET newest = newest + 1 RETURNING newest INTO commit_now;
ELSE
    SELECT newest INTO commit_now FROM commit_sequence;
END IF;
-- the rows
IF in_turn THEN
    INSERT INTO change_commits (commit_no, last_seq) SELECT commit_now, max(seq) FROM change_log;
ELSE
    INSERT INTO change_commits (commit_no, last_seq) SELECT nextval('ref_commit'), max(seq) FROM change_log;
END IF;
END $body$;
