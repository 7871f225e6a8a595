//! Texts that stand for something.

use cortex_erp::DocumentKind;
use cortex_types::Currency;
use serde::Deserialize;

use crate::decimals::{amount_minor, amount_text, quantity_micro, quantity_text};
use crate::exact;
use crate::paging::{Listing, PageQuery};

#[derive(Deserialize)]
struct Both {
    #[serde(deserialize_with = "exact::decimal")]
    needed: rust_decimal::Decimal,
    #[serde(default, deserialize_with = "exact::decimal_or_none")]
    wanted: Option<rust_decimal::Decimal>,
}

/// A decimal is what was written, in a text and as a number, and so are the amount and the quantity that it is.
pub(super) fn decimal(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let json = format!(r#"{{"needed":{text},"wanted":{text}}}"#);
    let of_json = serde_json::from_str::<Both>(&json);
    if let Ok(both) = &of_json {
        assert_eq!(Some(both.needed), both.wanted);
        let again = exact::decimal_of_text(&both.needed.to_string());
        assert_eq!(again, Ok(both.needed), "{text}");
    }
    let of_text = exact::decimal_of_text(text);
    for decimal in of_text.into_iter().chain(of_json.map(|both| both.needed)) {
        for code in ["GBP", "JPY", "KWD"] {
            let currency: Currency = code.parse().expect("a currency");
            if let Ok(minor) = amount_minor("amount", decimal, currency) {
                assert_eq!(
                    exact::decimal_of_text(&amount_text(minor, currency)),
                    Ok(decimal),
                    "{text} {code}"
                );
            }
        }
        if let Ok(micro) = quantity_micro("quantity", decimal) {
            assert_eq!(exact::decimal_of_text(&quantity_text(micro)), Ok(decimal), "{text}");
        }
    }
}

/// A cursor that is taken is the one that the list gives for that place.
pub(super) fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for listing in [
        Listing::Parties,
        Listing::GeneralLedger,
        Listing::StockDocuments(DocumentKind::StockCount),
        Listing::Orders(DocumentKind::SalesOrder),
        Listing::StockOnHand,
        Listing::Units,
    ] {
        let query = |after: &str| PageQuery {
            after: Some(after.to_owned()),
            limit: None,
        };
        let Ok(page) = query(text).page(listing) else { continue };
        let place = page.after.expect("a place");
        let again = query(&listing.cursor(&place)).page(listing);
        assert_eq!(again.ok().and_then(|page| page.after), Some(place), "{text}");
    }
    let query = PageQuery {
        after: None,
        limit: Some(text.to_owned()),
    };
    if let Ok(page) = query.page(Listing::Parties) {
        assert!((1..=500).contains(&page.limit()), "{text}");
    }
}
