-- What was gained when one item settled another that was posted at another rate, in the company's currency; below zero what was lost.
-- What was settled before this migration has none.
ALTER TABLE allocations ADD COLUMN gained_minor BIGINT;

-- Among all entries those that a revaluation is held against.
CREATE INDEX exchange_revaluations ON journal_entries (tenant_id) WHERE document_kind = 'exchange-revaluation';

-- The first standard cost of a product has no number; the others are found by theirs.
CREATE INDEX first_standard_costs ON standard_costs (tenant_id, product_code) WHERE number IS NULL;
CREATE INDEX standard_costs_by_number ON standard_costs (tenant_id, number) WHERE number IS NOT NULL;
