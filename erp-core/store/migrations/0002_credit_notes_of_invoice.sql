-- A credit note is held against what was credited of its invoice before. Most notes of imported history name none.
CREATE INDEX credit_notes_of_invoice ON credit_notes (invoice_id) WHERE invoice_id IS NOT NULL;
