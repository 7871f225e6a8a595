-- Units that products are traded in besides their own. What is posted is in the product's own unit.

CREATE TABLE product_units (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    unit TEXT NOT NULL,
    -- How many of the product's own unit one is, as a decimal.
    factor TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, product_code, unit)
);
