-- People at parties. Personal fields are sealed under the party's key and under the contact's own.

CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    party_id TEXT NOT NULL REFERENCES parties (id),
    party_code TEXT NOT NULL,
    code TEXT NOT NULL,
    -- What it is there for, such as 'accounts payable'.
    role TEXT NOT NULL,
    name_sealed TEXT,
    email_sealed TEXT,
    phone_sealed TEXT,
    is_primary BOOLEAN NOT NULL,
    blocked BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, party_code, code)
);
CREATE UNIQUE INDEX one_primary_contact ON contacts (tenant_id, party_code) WHERE is_primary;
