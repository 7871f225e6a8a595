-- The lake's tables that each pipeline has written to: one that is missing there was lost, and is not a new one.
CREATE TABLE lake_tables (
    pipeline TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    layer TEXT NOT NULL,
    table_name TEXT NOT NULL,
    PRIMARY KEY (pipeline, tenant_id, layer, table_name)
);
