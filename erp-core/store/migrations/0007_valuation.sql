-- How stock is valued, and what becomes of its value when something comes late, is cancelled or costs more.

ALTER TABLE products ADD COLUMN valuation TEXT NOT NULL DEFAULT 'moving-average';

CREATE TABLE locations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    negative_stock TEXT NOT NULL CHECK (negative_stock IN ('allow', 'refuse')),
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

CREATE TABLE stock_moves_valued (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    location TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    -- As it was posted; stock_revaluations say what became of it.
    value_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    moved_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    -- Where its cost comes from.
    cost TEXT NOT NULL,
    given_minor BIGINT,
    of_move TEXT,
    of_quantity_micro BIGINT
);
-- What was sold before its receipt came left that at once, as a move of no quantity behind it; now the receipt itself is worth
-- what it brought.
INSERT INTO stock_moves_valued SELECT id, tenant_id, product_id, product_code, location, quantity_micro,
    CASE WHEN quantity_micro = 0 THEN 0 WHEN reason = 'receipt' THEN value_minor + coalesce((
        SELECT CASE WHEN z.quantity_micro = 0 THEN z.value_minor ELSE 0 END FROM stock_moves z
        WHERE z.tenant_id = stock_moves.tenant_id AND z.product_code = stock_moves.product_code AND z.id > stock_moves.id
        AND z.document_id = stock_moves.document_id ORDER BY z.id LIMIT 1), 0) ELSE value_minor END, currency,
    reason, document_kind, document_id, moved_at, tx_no, 1,
    CASE WHEN reason = 'receipt' THEN 'given' WHEN quantity_micro > 0 THEN 'known' ELSE 'by_method' END,
    CASE WHEN reason = 'receipt' THEN value_minor END, NULL, NULL FROM stock_moves;
DROP TABLE stock_moves;
ALTER TABLE stock_moves_valued RENAME TO stock_moves;
CREATE INDEX stock_moves_of_product ON stock_moves (tenant_id, product_id, moved_at);
-- Those of invoices, which are most, are found by the products of their lines.
CREATE INDEX stock_moves_of_document ON stock_moves (document_id) WHERE document_kind <> 'sales-invoice';
CREATE INDEX stock_moves_of_origin ON stock_moves (of_move) WHERE of_move IS NOT NULL;

-- Stock that was let go below zero has a value below zero.
CREATE TABLE stock_levels_valued (
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL REFERENCES products (id),
    location TEXT NOT NULL,
    currency TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    value_minor BIGINT NOT NULL,
    -- The newest known cost: this quantity was worth this much.
    cost_value_minor BIGINT,
    cost_quantity_micro BIGINT,
    -- First in, first out: what is there, oldest first, as JSON.
    layers TEXT,
    -- When the newest move of the product was, at any location.
    newest_at TIMESTAMP,
    PRIMARY KEY (tenant_id, product_id, location)
);
INSERT INTO stock_levels_valued SELECT tenant_id, product_id, location, currency, quantity_micro, value_minor,
    cost_value_minor, cost_quantity_micro, NULL,
    (SELECT max(m.moved_at) FROM stock_moves m WHERE m.tenant_id = stock_levels.tenant_id AND m.product_id = stock_levels.product_id)
    FROM stock_levels;
DROP TABLE stock_levels;
ALTER TABLE stock_levels_valued RENAME TO stock_levels;

-- What there was of a product at the beginning of a month, at all locations, so that a move that comes late is valued from
-- there. Derived.
CREATE TABLE stock_checkpoints (
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    month_start TIMESTAMP NOT NULL,
    -- As JSON.
    holdings TEXT NOT NULL,
    PRIMARY KEY (tenant_id, product_id, month_start)
);

-- What a move is worth now, where that is not what was posted. Derived.
CREATE TABLE stock_move_values (
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    move_id TEXT NOT NULL,
    value_minor BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, product_id, move_id)
);

CREATE TABLE stock_revaluations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    location TEXT NOT NULL,
    value_minor BIGINT NOT NULL,
    move_count BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- What it came of.
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    posted_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX stock_revaluations_of_product ON stock_revaluations (tenant_id, product_id, posted_at);

CREATE TABLE standard_costs (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    -- What quantity_micro costs.
    value_minor BIGINT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    currency TEXT NOT NULL,
    number TEXT,
    effective_from TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX standard_costs_of_product ON standard_costs (tenant_id, product_id, effective_from);

-- Adjustments, counts, transfers, returns to suppliers, and what goods cost on top. Their lines are their moves.
CREATE TABLE stock_documents (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    party_id TEXT,
    party_code TEXT,
    location TEXT,
    to_location TEXT,
    memo TEXT NOT NULL,
    currency TEXT NOT NULL,
    value_minor BIGINT NOT NULL,
    line_count BIGINT NOT NULL,
    moved_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, kind, number)
);

CREATE TABLE cancellations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    number TEXT NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    document_number TEXT NOT NULL,
    memo TEXT NOT NULL,
    effective_at TIMESTAMP NOT NULL,
    cancelled_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, number),
    UNIQUE (tenant_id, document_id)
);
