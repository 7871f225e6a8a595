-- Orders, what came of them, what suppliers bill for goods that came before, and when goods are ordered again.

CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sales-order', 'purchase-order')),
    number TEXT NOT NULL,
    party_id TEXT NOT NULL,
    party_code TEXT NOT NULL,
    location TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Whether prices have their taxes within them.
    prices TEXT NOT NULL CHECK (prices IN ('net', 'gross')),
    amount_minor BIGINT NOT NULL,
    memo TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'complete', 'closed', 'cancelled')),
    ordered_at TIMESTAMP NOT NULL,
    due_at TIMESTAMP,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, kind, number)
);
CREATE INDEX orders_of_kind ON orders (tenant_id, kind, id);
CREATE INDEX orders_of_state ON orders (tenant_id, kind, state, id);

CREATE TABLE order_lines (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    order_kind TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    product_kind TEXT NOT NULL,
    location TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    unit TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    tax_code TEXT,
    reserved_micro BIGINT NOT NULL,
    moved_micro BIGINT NOT NULL,
    billed_micro BIGINT NOT NULL,
    -- What is to be delivered or received still; zero once the order is closed.
    open_micro BIGINT NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX order_lines_of_order ON order_lines (order_id);
CREATE INDEX order_lines_reserved ON order_lines (tenant_id, product_id) WHERE reserved_micro <> 0;
CREATE INDEX order_lines_open ON order_lines (tenant_id, product_id) WHERE open_micro <> 0;

-- Below zero where the document was cancelled.
CREATE TABLE order_progress (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    order_line_id TEXT NOT NULL,
    step TEXT NOT NULL CHECK (step IN ('reserved', 'moved', 'billed')),
    quantity_micro BIGINT NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    number TEXT NOT NULL,
    document_line_no BIGINT NOT NULL,
    progressed_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX order_progress_of_line ON order_progress (order_line_id);
CREATE INDEX order_progress_of_order ON order_progress (order_id);
CREATE INDEX order_progress_of_document ON order_progress (document_id);

-- Below zero where the supplier credits.
CREATE TABLE purchase_bills (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    number TEXT NOT NULL,
    supplier_id TEXT NOT NULL,
    supplier_code TEXT NOT NULL,
    -- The supplier's own number.
    reference TEXT,
    currency TEXT NOT NULL,
    net_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    memo TEXT NOT NULL,
    line_count BIGINT NOT NULL,
    billed_at TIMESTAMP NOT NULL,
    due_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, number)
);

CREATE INDEX purchase_bills_of_reference ON purchase_bills (tenant_id, reference) WHERE reference IS NOT NULL;

CREATE TABLE purchase_bill_lines (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    bill_id TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    -- Either goods of a receipt, or something on an account.
    receipt_number TEXT,
    of_move TEXT,
    product_code TEXT,
    quantity_micro BIGINT NOT NULL,
    -- What stood on goods received for it, in the currency of the goods.
    cleared_minor BIGINT NOT NULL,
    account TEXT,
    cost_centre TEXT,
    net_minor BIGINT NOT NULL,
    tax_code TEXT,
    currency TEXT NOT NULL,
    billed_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX purchase_bill_lines_of_bill ON purchase_bill_lines (bill_id);
CREATE INDEX purchase_bill_lines_of_move ON purchase_bill_lines (of_move) WHERE of_move IS NOT NULL;

CREATE TABLE reorder_rules (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    location TEXT NOT NULL,
    point_micro BIGINT NOT NULL,
    up_to_micro BIGINT NOT NULL,
    lot_micro BIGINT,
    supplier_code TEXT,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, product_id, location)
);

-- Of a sales order.
ALTER TABLE sales_invoices ADD COLUMN order_number TEXT;
ALTER TABLE stock_documents ADD COLUMN order_number TEXT;
-- Of a purchase order.
ALTER TABLE purchase_receipts ADD COLUMN order_number TEXT;
-- 'separate' where the bill comes later.
ALTER TABLE purchase_receipts ADD COLUMN billing TEXT NOT NULL DEFAULT 'with-receipt';
