//! Lists come in pages, oldest first.

use cortex_erp::{DocumentKind, ErpError, PAGE_LIMIT_MAX, Page, Span};
use cortex_runtime::http::{ApiError, page_limit};
use cortex_types::{PartyId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const LIMIT: u32 = 100;

/// What is listed. A cursor begins with it: one of another list would stand anywhere in this one, and the rows before it
/// would be passed over without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    Parties,
    Products,
    ProductUnits,
    StandardCosts,
    SalesInvoices,
    CreditNotes,
    StockMoves,
    JournalEntries,
    PurchaseReceipts,
    Payments,
    GeneralLedger,
    Locations,
    Cancellations,
    CostCentres,
    OpenItems,
    TaxCodes,
    ExchangeRates,
    StockDocuments(DocumentKind),
    Orders(DocumentKind),
    PurchaseBills,
    UnbilledGoods,
    Drafts,
    ReorderRules,
    Contacts,
    // These go on after a code; all others after the id of a row.
    StockOnHand,
    Currencies,
    Countries,
    Units,
}

impl Listing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Parties => "parties",
            Self::Products => "products",
            Self::ProductUnits => "product-units",
            Self::StandardCosts => "standard-costs",
            Self::SalesInvoices => "sales-invoices",
            Self::CreditNotes => "credit-notes",
            Self::StockMoves => "stock-moves",
            Self::JournalEntries => "journal-entries",
            Self::PurchaseReceipts => "purchase-receipts",
            Self::Payments => "payments",
            Self::GeneralLedger => "general-ledger",
            Self::Locations => "locations",
            Self::Cancellations => "cancellations",
            Self::CostCentres => "cost-centres",
            Self::OpenItems => "open-items",
            Self::TaxCodes => "tax-codes",
            Self::ExchangeRates => "exchange-rates",
            Self::StockDocuments(kind) | Self::Orders(kind) => kind.as_str(),
            Self::PurchaseBills => "purchase-bills",
            Self::UnbilledGoods => "goods-received-not-invoiced",
            Self::Drafts => "drafts",
            Self::ReorderRules => "reorder-rules",
            Self::Contacts => "contacts",
            Self::StockOnHand => "stock-on-hand",
            Self::Currencies => "currencies",
            Self::Countries => "countries",
            Self::Units => "units",
        }
    }

    pub fn cursor(self, place: &str) -> String {
        format!("{}.{place}", self.as_str())
    }

    /// What the cursor goes on after.
    fn place(self, cursor: &str) -> Result<String, ErpError> {
        let place = cursor
            .split_once('.')
            .and_then(|(listing, place)| (listing == self.as_str()).then_some(place));
        let known = place.and_then(|place| match self {
            Self::StockOnHand | Self::Currencies | Self::Countries | Self::Units => Some(place.to_owned()),
            // The ids of all kinds of rows look the same.
            _ => place.parse::<PartyId>().ok().map(|id| id.to_string()),
        });
        known.ok_or_else(|| {
            let problem = format!("'{cursor}' is not a cursor of this list: send the 'next' that its last page gave");
            ErpError::invalid("after", problem)
        })
    }
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    pub limit: Option<String>,
}

impl PageQuery {
    pub fn page(self, listing: Listing) -> Result<Page, ApiError> {
        let limit = page_limit(self.limit.as_deref(), LIMIT, PAGE_LIMIT_MAX)?;
        let after = self.after.map(|cursor| listing.place(&cursor)).transpose()?;
        Ok(Page::new(after, limit))
    }
}

/// A page of a report.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AsOfPageQuery {
    /// A date, to its end in UTC, or a time; as it is now where it is absent. With all that is known now of what was until then.
    pub as_of: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1 to 500; 100 where it is absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    pub limit: Option<String>,
}

impl AsOfPageQuery {
    /// The first instant that does not count any more, where one was said.
    pub fn page(self, listing: Listing) -> Result<(Option<Timestamp>, Page), ApiError> {
        let span = Span::new(None, self.as_of.as_deref())?;
        let (after, limit) = (self.after, self.limit);
        Ok((span.before, PageQuery { after, limit }.page(listing)?))
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    pub items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> List<T> {
    /// `place` is what the list is gone on after behind a row.
    pub fn new<R>(
        listing: Listing,
        page: &Page,
        rows: Vec<R>,
        place: impl Fn(&R) -> String,
        view: impl Fn(R) -> T,
    ) -> Self {
        let full = rows.len() >= page.limit() as usize;
        let next = rows.last().filter(|_| full).map(|row| listing.cursor(&place(row)));
        Self {
            items: rows.into_iter().map(view).collect(),
            next,
        }
    }
}
