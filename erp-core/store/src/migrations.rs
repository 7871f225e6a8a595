use cortex_store::{Migration, MigrationSet};

/// The ERP's tables.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "erp",
    migrations: &[
        Migration {
            version: 1,
            name: "erp",
            sql: include_str!("../migrations/0001_erp.sql"),
        },
        Migration {
            version: 2,
            name: "credit_notes_of_invoice",
            sql: include_str!("../migrations/0002_credit_notes_of_invoice.sql"),
        },
        Migration {
            version: 3,
            name: "journal_chain",
            sql: include_str!("../migrations/0003_journal_chain.sql"),
        },
        Migration {
            version: 4,
            name: "fiscal_years",
            sql: include_str!("../migrations/0004_fiscal_years.sql"),
        },
        Migration {
            version: 5,
            name: "storno",
            sql: include_str!("../migrations/0005_storno.sql"),
        },
        Migration {
            version: 6,
            name: "account_days",
            sql: include_str!("../migrations/0006_account_days.sql"),
        },
        Migration {
            version: 7,
            name: "valuation",
            sql: include_str!("../migrations/0007_valuation.sql"),
        },
    ],
    captured: &[
        "parties",
        "products",
        "sales_invoices",
        "sales_invoice_lines",
        "credit_notes",
        "credit_note_lines",
        "locations",
        "stock_moves",
        "stock_revaluations",
        "stock_documents",
        "standard_costs",
        "cancellations",
        "journal_entries",
        "journal_lines",
        "purchase_receipts",
        "purchase_receipt_lines",
        "payments",
    ],
    posted: &[
        "sales_invoices",
        "sales_invoice_lines",
        "credit_notes",
        "credit_note_lines",
        "stock_moves",
        "stock_revaluations",
        "stock_documents",
        "standard_costs",
        "cancellations",
        "journal_entries",
        "journal_lines",
        "journal_chain",
        "purchase_receipts",
        "purchase_receipt_lines",
        "payments",
    ],
};
