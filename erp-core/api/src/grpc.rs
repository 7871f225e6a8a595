//! `cortex.erp.v1.ErpService`: thin, the same commands as over HTTP.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use cortex_erp::{
    Command, CreateParty, CreateProduct, CreditLineInput, CreditReason, ErpError, IdempotencyKey, Invoice, PartyKind,
    PostCreditNote, PostInvoice, ProductKind, Receipt,
};
use cortex_proto::erp as pb;
use cortex_proto::erp::erp_service_server::ErpService;
use cortex_types::{Currency, Unit};
use rust_decimal::Decimal;
use tonic::{Request, Response, Status};

use crate::ErpApi;
use crate::bodies::LineBody;
use crate::decimals::{amount_minor, amount_text, quantity_text};
use crate::exact::decimal_of_text;

/// The ERP over gRPC.
#[derive(Debug)]
pub struct ErpGrpc {
    api: Arc<ErpApi>,
}

impl ErpGrpc {
    pub(crate) fn new(api: Arc<ErpApi>) -> Self {
        Self { api }
    }

    async fn post(&self, request: &Posting, command: Command) -> Result<Response<pb::Receipt>, Status> {
        let receipt = self
            .api
            .execute(&request.ctx, command, request.key.clone())
            .await
            .map_err(refused)?;
        Ok(Response::new(receipt_message(receipt)))
    }

    /// The caller may post, and gave a key.
    fn posting<T>(&self, request: &Request<T>, key: &str) -> Result<Posting, Status> {
        let ctx = cortex_proto::context(request)?;
        self.api.may_post(&ctx).map_err(|error| cortex_proto::status(&error))?;
        let key = IdempotencyKey::new(key)
            .map_err(|_| ErpError::invalid("idempotency_key", "must be 1 to 200 visible ASCII characters"))
            .map_err(refused)?;
        Ok(Posting { ctx, key })
    }

    /// The one that a document names, or else the company's.
    async fn currency(&self, posting: &Posting, text: &str) -> Result<Currency, ErpError> {
        let named = parsed::<Currency>("currency", text)?;
        self.api.document_currency(&posting.ctx, named).await
    }
}

struct Posting {
    ctx: cortex_types::RequestContext,
    key: IdempotencyKey,
}

#[tonic::async_trait]
impl ErpService for ErpGrpc {
    async fn create_party(&self, request: Request<pb::CreatePartyRequest>) -> Result<Response<pb::Receipt>, Status> {
        let posting = self.posting(&request, &request.get_ref().idempotency_key)?;
        let body = request.into_inner();
        let party = CreateParty {
            code: body.code.into(),
            kind: word("kind", &body.kind, &PartyKind::ALL, PartyKind::as_str).map_err(refused)?,
            country: body.country.into(),
            name_sealed: None,
            created_at: None,
        };
        let receipt = self
            .api
            .create_party(&posting.ctx, party, Some(&body.name), posting.key)
            .await;
        let receipt = receipt.map_err(|error| cortex_proto::status(&error))?;
        Ok(Response::new(receipt_message(receipt)))
    }

    async fn create_product(
        &self,
        request: Request<pb::CreateProductRequest>,
    ) -> Result<Response<pb::Receipt>, Status> {
        let posting = self.posting(&request, &request.get_ref().idempotency_key)?;
        let body = request.into_inner();
        let currency = self.currency(&posting, &body.currency).await.map_err(refused)?;
        let command = || -> Result<CreateProduct, ErpError> {
            let list_price = decimal("list_price", &body.list_price)?;
            let list_price_minor = list_price
                .map(|price| amount_minor("list_price", price, currency))
                .transpose()?;
            let kind = word("kind", &body.kind, &ProductKind::ALL, ProductKind::as_str)?;
            let unit = parsed("unit", &body.unit)?.unwrap_or_else(Unit::each);
            let (code, description) = (body.code.into(), body.description);
            Ok(CreateProduct {
                code,
                description,
                kind,
                unit,
                currency,
                list_price_minor,
                valuation: None,
                standard_cost: None,
                created_at: None,
            })
        };
        let command = command().map_err(refused)?;
        self.post(&posting, Command::CreateProduct(command)).await
    }

    async fn post_invoice(
        &self,
        request: Request<pb::PostInvoiceRequest>,
    ) -> Result<Response<pb::PostInvoiceResponse>, Status> {
        let posting = self.posting(&request, &request.get_ref().idempotency_key)?;
        let body = request.into_inner();
        let currency = self.currency(&posting, &body.currency).await.map_err(refused)?;
        let invoice = invoice_command(body, currency).map_err(refused)?;
        let entered = self
            .api
            .entry
            .enter(&posting.ctx, invoice, posting.key)
            .await
            .map_err(refused)?;
        let advice = entered.advice.map(|advice| pb::Advice {
            decision_id: advice.decision_id.to_string(),
            score: advice.score,
            action: advice.action.map(|action| action.to_string()).unwrap_or_default(),
            model_version: advice.model_version,
        });
        let receipt = Some(receipt_message(entered.receipt));
        Ok(Response::new(pb::PostInvoiceResponse { receipt, advice }))
    }

    async fn post_credit_note(
        &self,
        request: Request<pb::PostCreditNoteRequest>,
    ) -> Result<Response<pb::Receipt>, Status> {
        let posting = self.posting(&request, &request.get_ref().idempotency_key)?;
        let body = request.into_inner();
        let currency = self.currency(&posting, &body.currency).await.map_err(refused)?;
        let note = credit_note_command(body, currency).map_err(refused)?;
        self.post(&posting, Command::PostCreditNote(note)).await
    }

    async fn get_invoice(&self, request: Request<pb::GetInvoiceRequest>) -> Result<Response<pb::Invoice>, Status> {
        let ctx = cortex_proto::context(&request)?;
        self.api.may_read(&ctx).map_err(|error| cortex_proto::status(&error))?;
        let number = request.into_inner().number;
        match self.api.records.invoice(&ctx, &number).await.map_err(refused)? {
            Some(invoice) => Ok(Response::new(invoice_message(invoice))),
            None => Err(refused(ErpError::NotFound {
                kind: "sales-invoice",
                number,
            })),
        }
    }
}

fn refused(error: ErpError) -> Status {
    cortex_proto::status(&error)
}

fn invoice_command(body: pb::PostInvoiceRequest, currency: Currency) -> Result<PostInvoice, ErpError> {
    let lines = body.lines.into_iter().enumerate();
    Ok(PostInvoice {
        order: None,
        prices_include_tax: false,
        lines: lines
            .map(|(index, line)| line_body(index, line)?.input(index, currency, false))
            .collect::<Result<_, _>>()?,
        number: given(body.number),
        customer: given(body.customer),
        country: None,
        currency,
        location: None,
        invoiced_at: parsed("invoiced_at", &body.invoiced_at)?,
        due_at: None,
        decision_id: parsed("decision_id", &body.decision_id)?,
    })
}

fn credit_note_command(body: pb::PostCreditNoteRequest, currency: Currency) -> Result<PostCreditNote, ErpError> {
    let lines = body.lines.into_iter().enumerate().map(|(index, line)| {
        let reason = word(
            &format!("lines[{index}].reason"),
            &line.reason,
            &CreditReason::ALL,
            CreditReason::as_str,
        )?;
        let line = line_body(index, line.line.unwrap_or_default())?.input(index, currency, false)?;
        Ok(CreditLineInput { line, reason })
    });
    Ok(PostCreditNote {
        prices_include_tax: false,
        lines: lines.collect::<Result<_, ErpError>>()?,
        number: given(body.number),
        customer: given(body.customer),
        country: None,
        currency,
        location: None,
        invoice: given(body.invoice),
        credited_at: parsed("credited_at", &body.credited_at)?,
    })
}

fn line_body(index: usize, line: pb::InvoiceLine) -> Result<LineBody, ErpError> {
    let field = |name: &str| format!("lines[{index}].{name}");
    let quantity = decimal(&field("quantity"), &line.quantity)?;
    Ok(LineBody {
        product: line.product,
        quantity: quantity.ok_or_else(|| ErpError::invalid(field("quantity"), "is missing"))?,
        unit: None,
        unit_price: decimal(&field("unit_price"), &line.unit_price)?,
        net: decimal(&field("net"), &line.net)?,
        gross: None,
        tax: None,
    })
}

/// proto3 has no absent text: an empty one is.
fn given(text: String) -> Option<Arc<str>> {
    given_text(&text).map(Arc::from)
}

/// The types say themselves what they want.
fn parsed<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<Option<T>, ErpError> {
    let wanted = |error: T::Err| ErpError::invalid(field, error.to_string());
    given_text(text).map(|text| text.parse().map_err(wanted)).transpose()
}

fn decimal(field: &str, text: &str) -> Result<Option<Decimal>, ErpError> {
    let wanted = |problem| ErpError::invalid(field, problem);
    let decimal = given_text(text).map(|text| decimal_of_text(text).map_err(wanted));
    decimal.transpose()
}

fn given_text(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn word<T: Copy>(field: &str, text: &str, all: &[T], as_str: impl Fn(T) -> &'static str) -> Result<T, ErpError> {
    all.iter().copied().find(|word| as_str(*word) == text).ok_or_else(|| {
        let allowed: Vec<&str> = all.iter().map(|word| as_str(*word)).collect();
        ErpError::invalid(field, format!("'{text}' is none of {}", allowed.join(", ")))
    })
}

fn receipt_message(receipt: Receipt) -> pb::Receipt {
    pb::Receipt {
        id: receipt.id.to_string(),
        kind: receipt.kind.to_string(),
        number: receipt.number.to_string(),
        entry: receipt.entry.map(|entry| entry.to_string()).unwrap_or_default(),
        amount: amount_text(receipt.amount_minor, receipt.currency),
        currency: receipt.currency.to_string(),
        at: receipt.at.to_string(),
        repeated: receipt.repeated,
    }
}

fn invoice_message(invoice: Invoice) -> pb::Invoice {
    let currency = invoice.currency;
    let lines = invoice.lines.into_iter().map(|line| pb::PostedLine {
        line_no: line.line_no,
        product: line.product_code.to_string(),
        quantity: quantity_text(line.quantity_micro),
        unit: line.unit.to_string(),
        net: amount_text(line.net_minor, currency),
    });
    pb::Invoice {
        lines: lines.collect(),
        id: invoice.id.to_string(),
        number: invoice.number.to_string(),
        customer: invoice.customer_code.map(|code| code.to_string()).unwrap_or_default(),
        country: invoice.country.to_string(),
        currency: currency.to_string(),
        net: amount_text(invoice.net_minor, currency),
        invoiced_at: invoice.invoiced_at.to_string(),
        decision_id: invoice.decision_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}
