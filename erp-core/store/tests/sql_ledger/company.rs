//! A company on a database of its own, and what it does all day.

use std::sync::Arc;

use cortex_erp::{
    Command, CreateParty, CreateProduct, Erp, ErpConfig, ErpError, IdempotencyKey, InvoiceLineInput, Known, LinePrice,
    PartyKind, PaymentDirection, PostInvoice, ProductKind, ReceiptLineInput, ReceiveGoods, RecordPayment, Records,
    SealedText,
};
use cortex_erp_store::{MIGRATIONS, SqlLedger};
use cortex_store::sql::{self, Pool};
use cortex_store::testing::Scratch;
use cortex_store::{Database, WriteTransaction};
use cortex_types::{Currency, RequestContext, SystemClock, TenantId, Unit};

pub const PIECE: i64 = 1_000_000;

pub struct Company {
    pub scratch: Scratch,
    pub database: Database,
    pub ledger: SqlLedger,
    pub erp: Erp,
    pub ctx: RequestContext,
}

pub fn tenant(slug: &str) -> RequestContext {
    RequestContext::system(TenantId::new(slug).unwrap())
}

pub fn key(text: impl Into<Arc<str>>) -> IdempotencyKey {
    IdempotencyKey::new(text).unwrap()
}

impl Company {
    pub async fn found() -> Self {
        let scratch = Scratch::new().await;
        let database = scratch.open(&[MIGRATIONS], Arc::new(SystemClock)).await;
        let ledger = SqlLedger::new(database.clone());
        let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
        Self {
            scratch,
            database,
            ledger,
            erp,
            ctx: tenant("acme"),
        }
    }

    /// Every command carried out again on other books makes the same rows, byte for byte.
    pub async fn comes_of_its_commands(&self) {
        self.comes_of_commands_of(&self.ctx).await;
    }

    /// The same of somebody else who keeps books here.
    pub async fn comes_of_commands_of(&self, ctx: &RequestContext) {
        let anew = Self::found().await;
        let replayed = self
            .ledger
            .replay(ctx, &anew.ledger, &anew.erp, &|_, _| {})
            .await
            .unwrap();
        let differences = replayed.tables.iter().flat_map(|table| &table.differences);
        assert_eq!(differences.collect::<Vec<_>>(), Vec::<&String>::new());
        assert!(replayed.is_same() && replayed.commands > 0);
    }

    /// With a customer, a supplier, the walk-in party, and two products.
    pub async fn trading() -> Self {
        let company = Self::found().await;
        for (code, kind) in [
            ("C1", PartyKind::Customer),
            ("S1", PartyKind::Supplier),
            ("W", PartyKind::WalkIn),
        ] {
            let (code, country) = (Arc::from(code), Arc::from("France"));
            let name_sealed = Some(SealedText {
                sealed: "v1.sealed".to_owned(),
                fingerprint: "f".to_owned(),
            });
            let party = CreateParty {
                code,
                kind,
                country,
                name_sealed,
                terms: None,
                created_at: None,
            };
            company.execute(Command::CreateParty(party)).await.unwrap();
        }
        for (code, kind) in [("MUG", ProductKind::Goods), ("POST", ProductKind::Service)] {
            let product = CreateProduct {
                code: code.into(),
                description: code.to_owned(),
                kind,
                unit: Unit::each(),
                currency: Currency::GBP,
                list_price_minor: Some(300),
                valuation: None,
                standard_cost: None,
                created_at: None,
            };
            company.execute(Command::CreateProduct(product)).await.unwrap();
        }
        company
    }

    pub async fn execute(&self, command: Command) -> Result<cortex_erp::Receipt, ErpError> {
        let key = key(cortex_types::CommandId::new().to_string());
        self.erp.execute(&self.ctx, command, key, Known::ByClock).await
    }

    /// Carries a command out, and looks whether the books are sound.
    pub async fn sound(&self, command: Command) -> Result<cortex_erp::Receipt, ErpError> {
        let answer = self.execute(command).await;
        let findings = self.ledger.verify(&self.ctx).await.unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        answer
    }

    pub async fn count(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sql::query_scalar(sql).fetch_one(&self.readers()).await.unwrap()
    }

    /// Everybody who ever did anything.
    pub async fn tenants(&self) -> Vec<TenantId> {
        let tenants = sql::query_scalar::<String>("SELECT DISTINCT tenant_id FROM tx_meta ORDER BY 1");
        let tenants = tenants.fetch_all(self.database.readers()).await.unwrap();
        tenants.iter().map(|tenant| tenant.parse().unwrap()).collect()
    }

    pub fn readers(&self) -> Pool {
        self.database.readers_of(&self.ctx.tenant)
    }

    /// To write into the tables by hand.
    pub async fn begin(&self) -> WriteTransaction {
        let mut write = self.database.begin().await.unwrap();
        write.work_for([&self.ctx.tenant]).await.unwrap();
        write
    }
}

pub fn line(product: &str, pieces: i64) -> InvoiceLineInput {
    InvoiceLineInput {
        tax: None,
        product: product.into(),
        quantity_micro: pieces * PIECE,
        unit: None,
        price: LinePrice::List,
    }
}

pub fn invoice(customer: Option<&str>, lines: Vec<InvoiceLineInput>) -> PostInvoice {
    PostInvoice {
        order: None,
        prices_include_tax: false,
        due_at: None,
        number: None,
        series: None,
        customer: customer.map(Arc::from),
        country: None,
        currency: Currency::GBP,
        location: None,
        invoiced_at: None,
        decision_id: None,
        lines,
    }
}

pub fn receive(pieces: i64, value_minor: i64) -> Command {
    let lines = vec![ReceiptLineInput {
        unit: None,
        tax: None,
        product: "MUG".into(),
        quantity_micro: pieces * PIECE,
        value_minor: Some(value_minor),
    }];
    let (number, location, received_at) = (None, None, None);
    let currency = Currency::GBP;
    Command::ReceiveGoods(ReceiveGoods {
        to_be_billed: false,
        order: None,
        prices_include_tax: false,
        due_at: None,
        number,
        series: None,
        supplier: "S1".into(),
        currency,
        location,
        received_at,
        lines,
    })
}

pub fn payment(party: &str, direction: PaymentDirection, amount_minor: i64) -> Command {
    let (number, currency, paid_at) = (None, Currency::GBP, None);
    Command::RecordPayment(RecordPayment {
        settles: None,
        number,
        series: None,
        party: party.into(),
        direction,
        amount_minor,
        currency,
        paid_at,
    })
}
