-- A document may be taken back at a time of its own, until which it stood. Those before this migration are as if they had never been.
ALTER TABLE cancellations ADD COLUMN reversed BOOLEAN NOT NULL DEFAULT FALSE;
