use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use cortex_erp::{
    Answered, Attempt, Command, CommandJournal, CreateParty, DocumentKind, Drafts, Erp, ErpError, IdempotencyKey,
    InvoiceEntry, Known, Party, Receipt, Records, Rulebook, SealedText,
};
use cortex_runtime::http::ApiError;
use cortex_security::{Area, AuditLog, Authorizer, Permission, Sealer, SecurityError, Verb};
use cortex_types::{Clock, Coded, Currency, ErrorCode, RequestContext, TenantId};

/// The field under which a party's name is sealed.
const NAME: &str = "name";

/// The ERP, and who may ask it.
#[derive(Clone, Debug)]
pub struct ErpApi {
    pub erp: Erp,
    pub entry: InvoiceEntry,
    pub records: Arc<dyn Records>,
    pub drafts: Arc<dyn Drafts>,
    pub commands: Arc<dyn CommandJournal>,
    pub rulebook: Arc<dyn Rulebook>,
    pub authorizer: Arc<dyn Authorizer>,
    /// For what is refused; what is carried out is recorded with it.
    pub audit: Arc<dyn AuditLog>,
    pub clock: Arc<dyn Clock>,
    pub sealer: Sealer,
    /// Of documents that name none, where nobody said what the company's is.
    pub currency: Currency,
    pub settled: SettledCurrencies,
}

/// Currencies of companies that nothing changes any more, so that they are read once.
#[derive(Clone, Debug, Default)]
pub struct SettledCurrencies(Arc<RwLock<HashMap<TenantId, Currency>>>);

impl SettledCurrencies {
    fn of(&self, tenant: &TenantId) -> Option<Currency> {
        let settled = self.0.read().unwrap_or_else(PoisonError::into_inner);
        settled.get(tenant).copied()
    }

    fn keep(&self, tenant: &TenantId, currency: Currency) {
        let mut settled = self.0.write().unwrap_or_else(PoisonError::into_inner);
        settled.insert(tenant.clone(), currency);
    }
}

impl ErpApi {
    pub(crate) fn may_read(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer.authorize(ctx, Permission::new(Area::Erp, Verb::Read))
    }

    pub(crate) fn may_post(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer.authorize(ctx, Permission::new(Area::Erp, Verb::Write))
    }

    /// Say yes to a document.
    pub(crate) fn may_approve(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer
            .authorize(ctx, Permission::new(Area::Erp, Verb::Approve))
    }

    pub(crate) async fn execute(
        &self,
        ctx: &RequestContext,
        command: Command,
        attempt: impl Into<Attempt>,
    ) -> Result<Receipt, ErpError> {
        self.erp.execute(ctx, command, attempt, Known::ByClock).await
    }

    /// The one that a document names, or else the company's.
    pub(crate) async fn document_currency(
        &self,
        ctx: &RequestContext,
        named: Option<Currency>,
    ) -> Result<Currency, ErpError> {
        match named {
            Some(currency) => Ok(currency),
            None => Ok(self.currencies(ctx, None).await?.1),
        }
    }

    /// The currency of a document that another one is about.
    pub(crate) async fn currency_of(
        &self,
        ctx: &RequestContext,
        kind: DocumentKind,
        number: &str,
    ) -> Result<Option<Currency>, ErpError> {
        let records = &self.records;
        Ok(match kind {
            DocumentKind::SalesInvoice => records.invoice(ctx, number).await?.map(|of| of.currency),
            DocumentKind::CreditNote => records.credit_note(ctx, number).await?.map(|of| of.currency),
            DocumentKind::PurchaseReceipt => records.purchase_receipt(ctx, number).await?.map(|of| of.currency),
            DocumentKind::PurchaseBill => records.purchase_bill(ctx, number).await?.map(|of| of.currency),
            DocumentKind::Payment => records.payment(ctx, number).await?.map(|of| of.currency),
            _ => None,
        })
    }

    /// The company's currency, where it said one, and that of a document.
    pub(crate) async fn currencies(
        &self,
        ctx: &RequestContext,
        named: Option<Currency>,
    ) -> Result<(Option<Currency>, Currency), ErpError> {
        let base = self.base(ctx).await?;
        Ok((base, named.or(base).unwrap_or(self.currency)))
    }

    /// The company's currency, where it said one.
    pub(crate) async fn base(&self, ctx: &RequestContext) -> Result<Option<Currency>, ErpError> {
        if let Some(currency) = self.settled.of(&ctx.tenant) {
            return Ok(Some(currency));
        }
        let base = self.records.base(ctx).await?;
        if let Some(base) = base.filter(|base| base.is_settled) {
            self.settled.keep(&ctx.tenant, base.currency);
        }
        Ok(base.map(|base| base.currency))
    }

    /// Creates a party; `name` is sealed under a key of this party. What will be refused anyway, or
    /// is rehearsed, gets no key.
    pub(crate) async fn create_party(
        &self,
        ctx: &RequestContext,
        mut party: CreateParty,
        name: Option<&str>,
        attempt: impl Into<Attempt>,
    ) -> Result<Receipt, PartyError> {
        let attempt = attempt.into();
        party.check().map_err(PartyError::Erp)?;
        if let Some(name) = checked(name)? {
            let may_be_created = self.may_be_created(ctx, &party, attempt.key()).await;
            if may_be_created.map_err(PartyError::Erp)? {
                self.seal_name(ctx, &mut party, name, &attempt).await?;
            }
        }
        let created = self.execute(ctx, Command::CreateParty(party), attempt).await;
        created.map_err(PartyError::Erp)
    }

    /// Creates a party, or changes the one that is there; its name is sealed under the key that it has.
    pub(crate) async fn define_party(
        &self,
        ctx: &RequestContext,
        mut party: CreateParty,
        name: Option<&str>,
        attempt: impl Into<Attempt>,
    ) -> Result<Receipt, PartyError> {
        let attempt = attempt.into();
        party.check().map_err(PartyError::Erp)?;
        if let Some(name) = checked(name)? {
            self.seal_name(ctx, &mut party, name, &attempt).await?;
        }
        let defined = self.execute(ctx, Command::DefineParty(party), attempt).await;
        defined.map_err(PartyError::Erp)
    }

    /// A rehearsal makes no key, and says as well what was erased.
    async fn seal_name(
        &self,
        ctx: &RequestContext,
        party: &mut CreateParty,
        name: &str,
        attempt: &Attempt,
    ) -> Result<(), PartyError> {
        let sealed = async {
            let subject = Party::subject(&party.code);
            match self.sealer.is_erased(ctx, &subject).await? {
                true => Err(SecurityError::Erased { subject }),
                false if attempt.is_rehearsed() => Ok(None),
                false => self.sealed_name(ctx, party, name).await.map(Some),
            }
        };
        party.name_sealed = sealed.await.map_err(|error| match error {
            SecurityError::Erased { .. } => {
                let code = &party.code;
                let problem = format!("what was personal of '{code}' was erased for good: leave it out");
                PartyError::Erp(ErpError::invalid("name", problem))
            }
            other => PartyError::Security(other),
        })?;
        Ok(())
    }

    /// Whether this is a new party, or may be the repetition of the request that created it.
    async fn may_be_created(
        &self,
        ctx: &RequestContext,
        party: &CreateParty,
        key: &IdempotencyKey,
    ) -> Result<bool, ErpError> {
        match self.records.answered(ctx, key).await? {
            Some(Answered { receipt, .. }) => Ok(receipt.kind == DocumentKind::Party && receipt.number == party.code),
            None => Ok(self.records.party(ctx, &party.code).await?.is_none()),
        }
    }

    async fn sealed_name(
        &self,
        ctx: &RequestContext,
        party: &CreateParty,
        name: &str,
    ) -> Result<SealedText, SecurityError> {
        let subject = Party::subject(&party.code);
        Ok(SealedText {
            sealed: self.sealer.seal(ctx, &subject, NAME, name).await?,
            fingerprint: self.sealer.fingerprint(ctx, &subject, NAME, name).await?,
        })
    }

    /// The name of a party; `None` where it has none, or its key was destroyed.
    pub(crate) async fn name_of(&self, ctx: &RequestContext, party: &Party) -> Result<Option<String>, SecurityError> {
        let Some(sealed) = &party.name_sealed else {
            return Ok(None);
        };
        match self.sealer.open(ctx, &Party::subject(&party.code), NAME, sealed).await {
            Ok(name) => Ok(Some(name)),
            Err(SecurityError::Erased { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn checked(name: Option<&str>) -> Result<Option<&str>, PartyError> {
    let name = name.filter(|name| !name.is_empty());
    name.map_or(Ok(()), CreateParty::check_name).map_err(PartyError::Erp)?;
    Ok(name)
}

/// Why a party was not created, or a contact not defined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartyError {
    #[error(transparent)]
    Erp(ErpError),
    #[error(transparent)]
    Security(SecurityError),
}

impl Coded for PartyError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Erp(error) => error.code(),
            Self::Security(error) => error.code(),
        }
    }
}

pub(crate) fn not_found(kind: &'static str, number: String) -> ApiError {
    ErpError::NotFound { kind, number }.into()
}
