-- What open items are in the company's currency, and what was gained or lost when they were settled at another rate.

-- At what it was worth when it was posted, where the item is in another currency.
ALTER TABLE open_items ADD COLUMN base_minor BIGINT;
-- Of what is not settled.
ALTER TABLE open_items ADD COLUMN open_base_minor BIGINT;

-- Below zero where something was lost. What was settled before this migration has none: a revaluation found it.
ALTER TABLE allocations ADD COLUMN gained_minor BIGINT;

UPDATE open_items SET base_minor = (SELECT l.base_minor FROM journal_lines l WHERE l.id = open_items.id)
WHERE id IN (SELECT id FROM journal_lines WHERE base_minor IS NOT NULL);
UPDATE open_items SET open_base_minor = CAST(round(base_minor * 1.0 * open_minor / amount_minor) AS BIGINT)
WHERE base_minor IS NOT NULL;
