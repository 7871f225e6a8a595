-- What was gained when one item settled another that was posted at another rate, in the company's currency; below zero what was lost.
-- What was settled before this migration has none.
ALTER TABLE allocations ADD COLUMN gained_minor BIGINT;
