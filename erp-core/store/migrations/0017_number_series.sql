-- How documents are numbered, and how far each prefix has counted.

CREATE TABLE number_series (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    -- Of the documents that it numbers, such as 'sales-invoice'.
    kind TEXT NOT NULL,
    -- '{year}' and '{fiscal-year}' stand for that of the document.
    prefix TEXT NOT NULL,
    -- At least so many.
    digits BIGINT NOT NULL,
    -- 'default': documents that name no series are numbered by it; or 'named': only those that name it.
    choice TEXT NOT NULL,
    -- 'open', or 'blocked': nothing is numbered by it any more.
    state TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

-- A number's last digits are its place; what stands before them is its prefix.
CREATE TABLE number_counters (
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    prefix TEXT NOT NULL,
    newest BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, prefix)
);

INSERT INTO number_counters (tenant_id, kind, prefix, newest)
SELECT tenant_id, kind, CASE kind
    WHEN 'sales-invoice' THEN 'INV-' WHEN 'credit-note' THEN 'CN-' WHEN 'journal-entry' THEN 'J-'
    WHEN 'stock-adjustment' THEN 'ADJ-' WHEN 'stock-count' THEN 'CNT-' WHEN 'stock-transfer' THEN 'TR-'
    WHEN 'purchase-receipt' THEN 'GRN-' WHEN 'purchase-return' THEN 'PRT-' WHEN 'landed-cost' THEN 'LC-'
    WHEN 'payment' THEN 'PAY-' WHEN 'standard-cost' THEN 'SC-' WHEN 'cancellation' THEN 'CAN-'
    WHEN 'opening-balance' THEN 'OB-' WHEN 'sales-order' THEN 'SO-' WHEN 'purchase-order' THEN 'PO-'
    WHEN 'delivery' THEN 'DN-' ELSE 'BILL-' END, newest
FROM document_series WHERE newest > 0;

DROP TABLE document_series;
