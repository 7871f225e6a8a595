-- Quantities are millionths of a unit, amounts minor units of the currency, times microseconds since the Unix epoch.

CREATE TABLE parties (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('customer', 'supplier', 'walk_in')),
    name_sealed TEXT,
    country TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);
CREATE UNIQUE INDEX one_walk_in_party ON parties (tenant_id) WHERE kind = 'walk_in';

CREATE TABLE products (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    description TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('goods', 'service')),
    unit TEXT NOT NULL,
    currency TEXT NOT NULL,
    list_price_minor BIGINT,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

CREATE TABLE sales_invoices (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    number TEXT NOT NULL,
    customer_id TEXT NOT NULL REFERENCES parties (id),
    customer_code TEXT,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    net_minor BIGINT NOT NULL,
    line_count BIGINT NOT NULL,
    invoiced_at TIMESTAMP NOT NULL,
    decision_id TEXT,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, number)
);

CREATE TABLE sales_invoice_lines (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    invoice_id TEXT NOT NULL REFERENCES sales_invoices (id),
    invoice_number TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    customer_code TEXT,
    country TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    product_kind TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    unit TEXT NOT NULL,
    net_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    invoiced_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX sales_invoice_lines_of_invoice ON sales_invoice_lines (invoice_id);

CREATE TABLE credit_notes (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    number TEXT NOT NULL,
    customer_id TEXT NOT NULL REFERENCES parties (id),
    customer_code TEXT,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    net_minor BIGINT NOT NULL,
    line_count BIGINT NOT NULL,
    reason TEXT NOT NULL,
    invoice_id TEXT REFERENCES sales_invoices (id),
    credited_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, number)
);

CREATE TABLE credit_note_lines (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    credit_note_id TEXT NOT NULL REFERENCES credit_notes (id),
    credit_note_number TEXT NOT NULL,
    line_no BIGINT NOT NULL,
    customer_id TEXT NOT NULL,
    customer_code TEXT,
    country TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    product_kind TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    unit TEXT NOT NULL,
    net_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    credited_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX credit_note_lines_of_note ON credit_note_lines (credit_note_id);

CREATE TABLE stock_moves (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    location TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    value_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    moved_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX stock_moves_of_product ON stock_moves (tenant_id, product_code, id);

CREATE TABLE journal_entries (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    number TEXT NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    memo TEXT NOT NULL,
    currency TEXT NOT NULL,
    posted_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, number)
);
CREATE INDEX journal_entries_of_document ON journal_entries (document_id);

CREATE TABLE journal_lines (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    entry_id TEXT NOT NULL REFERENCES journal_entries (id),
    line_no BIGINT NOT NULL,
    account TEXT NOT NULL,
    debit_minor BIGINT NOT NULL CHECK (debit_minor >= 0),
    credit_minor BIGINT NOT NULL CHECK (credit_minor >= 0),
    currency TEXT NOT NULL,
    posted_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    CHECK ((debit_minor = 0) <> (credit_minor = 0))
);
CREATE INDEX journal_lines_of_entry ON journal_lines (entry_id);

CREATE TABLE purchase_receipts (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    number TEXT NOT NULL,
    supplier_id TEXT NOT NULL REFERENCES parties (id),
    supplier_code TEXT NOT NULL,
    currency TEXT NOT NULL,
    value_minor BIGINT NOT NULL,
    received_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, number)
);

CREATE TABLE purchase_receipt_lines (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    receipt_id TEXT NOT NULL REFERENCES purchase_receipts (id),
    line_no BIGINT NOT NULL,
    product_id TEXT NOT NULL,
    product_code TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    value_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    received_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX purchase_receipt_lines_of_receipt ON purchase_receipt_lines (receipt_id);

CREATE TABLE payments (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    number TEXT NOT NULL,
    party_id TEXT NOT NULL REFERENCES parties (id),
    party_code TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    paid_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, number)
);

-- What follows is derived or internal, and does not leave through the change log.

CREATE TABLE stock_levels (
    tenant_id TEXT NOT NULL,
    product_id TEXT NOT NULL REFERENCES products (id),
    location TEXT NOT NULL,
    currency TEXT NOT NULL,
    quantity_micro BIGINT NOT NULL,
    value_minor BIGINT NOT NULL CHECK (value_minor >= 0),
    -- The newest known cost: this quantity was worth this much.
    cost_value_minor BIGINT,
    cost_quantity_micro BIGINT,
    PRIMARY KEY (tenant_id, product_id, location)
);

CREATE TABLE document_series (
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    newest BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind)
);

CREATE TABLE idempotency_keys (
    tenant_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- SHA-256 of the body, in hex.
    digest TEXT NOT NULL,
    -- The answer, as JSON.
    receipt TEXT NOT NULL,
    tx_no BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, idempotency_key)
);

-- Nothing posted is edited, not even by whoever holds the database: corrections are reversals.

CREATE TRIGGER immutable_sales_invoices_update BEFORE UPDATE ON sales_invoices
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of sales_invoices is posted and cannot be changed'); END;

CREATE TRIGGER immutable_sales_invoices_delete BEFORE DELETE ON sales_invoices
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of sales_invoices is posted and cannot be changed'); END;

CREATE TRIGGER immutable_sales_invoice_lines_update BEFORE UPDATE ON sales_invoice_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of sales_invoice_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_sales_invoice_lines_delete BEFORE DELETE ON sales_invoice_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of sales_invoice_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_credit_notes_update BEFORE UPDATE ON credit_notes
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of credit_notes is posted and cannot be changed'); END;

CREATE TRIGGER immutable_credit_notes_delete BEFORE DELETE ON credit_notes
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of credit_notes is posted and cannot be changed'); END;

CREATE TRIGGER immutable_credit_note_lines_update BEFORE UPDATE ON credit_note_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of credit_note_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_credit_note_lines_delete BEFORE DELETE ON credit_note_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of credit_note_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_stock_moves_update BEFORE UPDATE ON stock_moves
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of stock_moves is posted and cannot be changed'); END;

CREATE TRIGGER immutable_stock_moves_delete BEFORE DELETE ON stock_moves
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of stock_moves is posted and cannot be changed'); END;

CREATE TRIGGER immutable_journal_entries_update BEFORE UPDATE ON journal_entries
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of journal_entries is posted and cannot be changed'); END;

CREATE TRIGGER immutable_journal_entries_delete BEFORE DELETE ON journal_entries
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of journal_entries is posted and cannot be changed'); END;

CREATE TRIGGER immutable_journal_lines_update BEFORE UPDATE ON journal_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of journal_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_journal_lines_delete BEFORE DELETE ON journal_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of journal_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_purchase_receipts_update BEFORE UPDATE ON purchase_receipts
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of purchase_receipts is posted and cannot be changed'); END;

CREATE TRIGGER immutable_purchase_receipts_delete BEFORE DELETE ON purchase_receipts
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of purchase_receipts is posted and cannot be changed'); END;

CREATE TRIGGER immutable_purchase_receipt_lines_update BEFORE UPDATE ON purchase_receipt_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of purchase_receipt_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_purchase_receipt_lines_delete BEFORE DELETE ON purchase_receipt_lines
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of purchase_receipt_lines is posted and cannot be changed'); END;

CREATE TRIGGER immutable_payments_update BEFORE UPDATE ON payments
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of payments is posted and cannot be changed'); END;

CREATE TRIGGER immutable_payments_delete BEFORE DELETE ON payments
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of payments is posted and cannot be changed'); END;
