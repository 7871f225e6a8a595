//! How much one command may say.

use cortex_types::{Coded, ErrorCode};

use super::credit_notes::credit;
use super::*;

#[test]
fn what_is_copied_into_every_line_is_held_short() {
    let books = books();
    let refused = |command: &Command| plan(command, &books, at(), None).unwrap_err().to_string();
    for country in ["", " France", "a\nb", &"x".repeat(65)] {
        let mut sale = invoice(Some("C1"), vec![line("MUG", 1, LinePrice::List)]);
        sale.country = Some(country.into());
        assert!(
            refused(&Command::PostInvoice(sale)).starts_with("country:"),
            "{country:?}"
        );
        let mut note = credit(None, "C1", 100);
        note.country = Some(country.into());
        assert!(
            refused(&Command::PostCreditNote(note)).starts_with("country:"),
            "{country:?}"
        );
    }
    let memo = "x".repeat(crate::MEMO_LENGTH_MAX + 1);
    let entry = PostJournalEntry {
        memo: memo.clone(),
        currency: Currency::GBP,
        posted_at: None,
        adjusting: false,
        lines: vec![JournalLineInput {
            account: "1000".to_owned(),
            debit_minor: 1,
            ..JournalLineInput::default()
        }],
    };
    assert!(refused(&Command::PostJournalEntry(entry)).starts_with("memo:"));
    let found = AdjustStock {
        memo,
        location: None,
        moved_at: None,
        lines: vec![AdjustmentLineInput {
            unit: None,
            product: "MUG".into(),
            quantity_micro: PIECE,
            value_minor: None,
        }],
    };
    assert!(refused(&Command::AdjustStock(found)).starts_with("memo:"));
}

#[test]
fn what_could_not_be_added_up_any_more_is_refused() {
    let books = books();
    let code = |command: &Command| {
        plan(command, &books, at(), None)
            .map(|_| ())
            .map_err(|error| error.code())
    };
    let entry = |minor| {
        let side = |account: &str, debit_minor, credit_minor| JournalLineInput {
            account: account.to_owned(),
            debit_minor,
            credit_minor,
            ..JournalLineInput::default()
        };
        Command::PostJournalEntry(PostJournalEntry {
            memo: String::new(),
            currency: Currency::GBP,
            posted_at: None,
            adjusting: false,
            lines: vec![side("1000", minor, 0), side("3000", 0, minor)],
        })
    };
    let max = crate::AMOUNT_MINOR_MAX;
    assert_eq!(code(&entry(max)), Ok(()));
    let too_much = Err(ErrorCode::InvalidArgument);
    assert_eq!(code(&entry(max + 1)), too_much);
    assert_eq!(code(&receive("MUG", 1, max + 1)), too_much);
    assert_eq!(code(&receive("MUG", 1_000_000_001, 1)), too_much);
    let sale = |lines| Command::PostInvoice(invoice(Some("C1"), lines));
    assert_eq!(code(&sale(vec![line("MUG", 1, LinePrice::Net(max + 1))])), too_much);
    let half = || line("MUG", 1, LinePrice::Net(max / 2 + 1));
    assert_eq!(
        code(&sale(vec![half(), half()])),
        too_much,
        "what the lines come to counts"
    );
    assert_eq!(code(&sale(vec![half()])), Ok(()));
}
