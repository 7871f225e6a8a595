-- Answers by idempotency key become the journal of commands: what was asked, in which circumstances, and what happened by it.
-- It is the outbox as well: a row is written in the transaction of what the command did. Commands from before have no event.

ALTER TABLE idempotency_keys RENAME TO commands;
ALTER TABLE commands ADD COLUMN decided_at TIMESTAMP;
-- Such as 'sales-invoice.posted'.
ALTER TABLE commands ADD COLUMN event TEXT;
-- Number or code of the document that it happened to.
ALTER TABLE commands ADD COLUMN subject TEXT;
-- JSON: the command, who gave it, and all else that its outcome hung on besides the books.
ALTER TABLE commands ADD COLUMN command TEXT;
CREATE INDEX commands_in_order ON commands (tenant_id, tx_no);
