//! Entering an invoice by hand or by API: advice is asked for on the way, and never in the way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cortex_types::{Coded, ErrorCode, RequestContext, TenantId};

use crate::metrics::ADVICE_TOTAL;
use crate::{
    Advice, AdviceRequest, Advised, Advisor, Attempt, Command, Erp, ErpError, IdempotencyKey, Known, PostInvoice,
    Receipt, Records,
};

#[derive(Clone, Debug)]
pub struct InvoiceEntryConfig {
    /// The model that is asked about the invoice's customer.
    pub model: Arc<str>,
    /// The invoice is posted without advice when this has passed.
    pub advice_timeout: Duration,
    /// Where there was no model to ask, nobody looks for one again before this has passed.
    pub rest: Duration,
}

impl Default for InvoiceEntryConfig {
    fn default() -> Self {
        Self {
            model: "repurchase-30d".into(),
            advice_timeout: Duration::from_millis(50),
            rest: Duration::from_millis(200),
        }
    }
}

/// Posts invoices with the advice that was to be had in time.
#[derive(Clone, Debug)]
pub struct InvoiceEntry {
    erp: Erp,
    records: Arc<dyn Records>,
    advisor: Option<Arc<dyn Advisor>>,
    config: InvoiceEntryConfig,
    without_model: Arc<Mutex<HashMap<TenantId, Instant>>>,
}

/// An invoice that was entered.
#[derive(Clone, Debug)]
pub struct Entered {
    pub receipt: Receipt,
    /// Absent on a repeated request, a cash sale, and where no advice came in time.
    pub advice: Option<Advice>,
}

impl InvoiceEntry {
    #[must_use]
    pub fn new(
        erp: Erp,
        records: Arc<dyn Records>,
        advisor: Option<Arc<dyn Advisor>>,
        config: InvoiceEntryConfig,
    ) -> Self {
        Self {
            erp,
            records,
            advisor,
            config,
            without_model: Arc::default(),
        }
    }

    /// Posts the invoice. Advice that is unavailable or late is left out; only what is wrong with the invoice is an
    /// error.
    pub async fn enter(
        &self,
        ctx: &RequestContext,
        invoice: PostInvoice,
        attempt: impl Into<Attempt>,
    ) -> Result<Entered, ErpError> {
        let attempt = attempt.into();
        let advice = match (&self.advisor, &invoice.customer, invoice.decision_id) {
            (Some(advisor), Some(customer), None)
                if !attempt.is_rehearsed() && !self.rests(&ctx.tenant) && self.is_new(ctx, attempt.key()).await =>
            {
                self.advice(ctx, advisor.as_ref(), customer).await
            }
            _ => None,
        };
        let advised = advice.as_ref().map(Advised::from);
        let command = Command::PostInvoice(invoice);
        let receipt = self
            .erp
            .submit_advised(ctx, command, attempt, Known::ByClock, advised)?
            .answer()
            .await?;
        let advice = advice.filter(|_| !receipt.repeated);
        Ok(Entered { receipt, advice })
    }

    /// A repeated request asks for no second decision: it would never get an outcome.
    async fn is_new(&self, ctx: &RequestContext, idempotency: &IdempotencyKey) -> bool {
        self.records
            .answered(ctx, idempotency)
            .await
            .is_ok_and(|answered| answered.is_none())
    }

    /// Whoever comes first after the rest looks whether there is a model by now; the others go on resting meanwhile.
    fn rests(&self, tenant: &TenantId) -> bool {
        let mut without_model = self.without_model.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = without_model.get_mut(tenant) else {
            return false;
        };
        let rests = since.elapsed() < self.config.rest;
        if !rests {
            *since = Instant::now();
        }
        rests
    }

    fn found_model(&self, tenant: &TenantId, found: bool) {
        let mut without_model = self.without_model.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            true => without_model.remove(tenant),
            false => without_model.insert(tenant.clone(), Instant::now()),
        };
    }

    async fn advice(&self, ctx: &RequestContext, advisor: &dyn Advisor, customer: &Arc<str>) -> Option<Advice> {
        let request = AdviceRequest {
            model: Arc::clone(&self.config.model),
            entity_key: Arc::clone(customer),
        };
        let asked = tokio::time::timeout(self.config.advice_timeout, advisor.advise(ctx, request)).await;
        let (result, advice) = match asked {
            Ok(Ok(advice)) => {
                self.found_model(&ctx.tenant, true);
                ("advised", Some(advice))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "an invoice is posted without advice");
                let is_missing = matches!(error.code, ErrorCode::UnknownModel | ErrorCode::ModelNotReady);
                self.found_model(&ctx.tenant, !is_missing);
                (error.code().as_str(), None)
            }
            Err(_) => ("late", None),
        };
        metrics::counter!(ADVICE_TOTAL, "result" => result).increment(1);
        advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AdvisorError, CreateParty, ErpConfig, Invoice, InvoiceLineInput, LinePrice, MemoryLedger, PartyKind};
    use crate::{CreateProduct, ProductKind};
    use async_trait::async_trait;
    use cortex_types::{Currency, DecisionId, ErrorCode, SystemClock, TenantId, Timestamp, Unit};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Long before the system clock's now.
    const DECIDED_AT: i64 = 1_300_000_000_000_000;

    #[derive(Debug)]
    enum Behaviour {
        Answers(DecisionId),
        Fails,
        HasNoModel,
        Hangs,
    }

    #[derive(Debug)]
    struct Stub(Behaviour, AtomicUsize);

    #[async_trait]
    impl Advisor for Stub {
        async fn advise(&self, _ctx: &RequestContext, request: AdviceRequest) -> Result<Advice, AdvisorError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            assert_eq!((&*request.model, &*request.entity_key), ("repurchase-30d", "C1"));
            match self.0 {
                Behaviour::Answers(decision_id) => Ok(Advice {
                    decision_id,
                    decided_at: Timestamp::from_micros(DECIDED_AT),
                    score: 0.2,
                    action: Some("offer".into()),
                    model_version: 1,
                }),
                Behaviour::Fails => Err(AdvisorError {
                    code: ErrorCode::Unavailable,
                    reason: "down".to_owned(),
                }),
                Behaviour::HasNoModel => Err(AdvisorError {
                    code: ErrorCode::ModelNotReady,
                    reason: "no champion yet".to_owned(),
                }),
                Behaviour::Hangs => std::future::pending().await,
            }
        }
    }

    struct Desk {
        ledger: MemoryLedger,
        entry: InvoiceEntry,
        advisor: Arc<Stub>,
        ctx: RequestContext,
    }

    impl Desk {
        async fn with(behaviour: Behaviour) -> Self {
            let ledger = MemoryLedger::default();
            let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
            let ctx = RequestContext::system(TenantId::new("acme").unwrap());
            for (code, kind) in [("C1", PartyKind::Customer), ("W", PartyKind::WalkIn)] {
                let (code, country) = (code.into(), "France".into());
                let party = CreateParty {
                    code,
                    kind,
                    country,
                    name_sealed: None,
                    terms: None,
                    created_at: None,
                };
                let key = IdempotencyKey::new(format!("{kind:?}")).unwrap();
                erp.execute(&ctx, Command::CreateParty(party), key, Known::ByClock)
                    .await
                    .unwrap();
            }
            let product = CreateProduct {
                code: "MUG".into(),
                description: String::new(),
                kind: ProductKind::Goods,
                unit: Unit::each(),
                currency: Currency::GBP,
                list_price_minor: Some(300),
                valuation: None,
                standard_cost: None,
                created_at: None,
            };
            let key = IdempotencyKey::new("product").unwrap();
            erp.execute(&ctx, Command::CreateProduct(product), key, Known::ByClock)
                .await
                .unwrap();
            let advisor = Arc::new(Stub(behaviour, AtomicUsize::new(0)));
            let config = InvoiceEntryConfig::default();
            let entry = InvoiceEntry::new(
                erp,
                Arc::new(ledger.clone()),
                Some(Arc::clone(&advisor) as Arc<dyn Advisor>),
                config,
            );
            Self {
                ledger,
                entry,
                advisor,
                ctx,
            }
        }

        async fn enter(&self, customer: Option<&str>) -> Entered {
            self.enter_as("order-1", customer).await
        }

        async fn enter_as(&self, key: &str, customer: Option<&str>) -> Entered {
            let (unit, price) = (None, LinePrice::List);
            let line = InvoiceLineInput {
                tax: None,
                product: "MUG".into(),
                quantity_micro: 1_000_000,
                unit,
                price,
            };
            let invoice = PostInvoice {
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
                lines: vec![line],
            };
            let key = IdempotencyKey::new(key).unwrap();
            self.entry.enter(&self.ctx, invoice, key).await.unwrap()
        }

        async fn stored(&self) -> Invoice {
            self.ledger.invoice(&self.ctx, "INV-000001").await.unwrap().unwrap()
        }
    }

    #[tokio::test]
    async fn the_decision_is_kept_with_the_invoice_and_a_repeat_asks_for_no_other() {
        let decision = DecisionId::new();
        let desk = Desk::with(Behaviour::Answers(decision)).await;
        assert_eq!(desk.enter(Some("C1")).await.advice.unwrap().decision_id, decision);
        let stored = desk.stored().await;
        assert_eq!(stored.decision_id, Some(decision));
        assert_eq!(
            stored.invoiced_at.micros(),
            DECIDED_AT,
            "an invoice is not what came of its own advice"
        );
        let again = desk.enter(Some("C1")).await;
        assert!(again.receipt.repeated && again.advice.is_none());
        assert_eq!(desk.advisor.1.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn advice_that_fails_or_never_comes_does_not_stop_the_invoice() {
        for behaviour in [Behaviour::Fails, Behaviour::Hangs] {
            let desk = Desk::with(behaviour).await;
            assert!(desk.enter(Some("C1")).await.advice.is_none());
            assert_eq!(desk.stored().await.decision_id, None);
        }
    }

    #[tokio::test]
    async fn a_model_that_is_not_there_is_not_asked_for_at_every_invoice() {
        for (rest, asked) in [(Duration::from_hours(1), 1), (Duration::ZERO, 3)] {
            let mut desk = Desk::with(Behaviour::HasNoModel).await;
            desk.entry.config.rest = rest;
            for key in ["a", "b", "c"] {
                desk.enter_as(key, Some("C1")).await;
            }
            assert_eq!(desk.advisor.1.load(Ordering::SeqCst), asked);
        }
    }

    #[tokio::test]
    async fn after_the_rest_one_looks_for_a_model_and_the_others_do_not_wait() {
        let mut desk = Desk::with(Behaviour::HasNoModel).await;
        desk.entry.config.rest = Duration::from_mins(10);
        desk.enter_as("a", Some("C1")).await;
        let long_ago = Instant::now().checked_sub(Duration::from_mins(11)).unwrap();
        let without_model = Arc::clone(&desk.entry.without_model);
        without_model.lock().unwrap().insert(desk.ctx.tenant.clone(), long_ago);
        for key in ["b", "c", "d"] {
            desk.enter_as(key, Some("C1")).await;
        }
        assert_eq!(desk.advisor.1.load(Ordering::SeqCst), 2);
        assert!(!desk.entry.rests(&TenantId::new("other").unwrap()));
    }

    #[tokio::test]
    async fn nobody_is_asked_about_a_cash_sale() {
        let desk = Desk::with(Behaviour::Answers(DecisionId::new())).await;
        assert!(desk.enter(None).await.advice.is_none());
        assert_eq!(desk.advisor.1.load(Ordering::SeqCst), 0);
    }
}
