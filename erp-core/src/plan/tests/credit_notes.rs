//! What a credit note is held against.

use super::*;

pub(super) fn credit(invoice: Option<&str>, customer: &str, net_minor: i64) -> PostCreditNote {
    PostCreditNote {
        prices_include_tax: false,
        number: None,
        series: None,
        customer: Some(customer.into()),
        country: None,
        currency: Currency::GBP,
        location: None,
        invoice: invoice.map(Arc::from),
        credited_at: None,
        lines: vec![CreditLineInput {
            line: line("MUG", 1, LinePrice::Net(net_minor)),
            reason: CreditReason::Discount,
        }],
    }
}

#[test]
fn a_credit_note_takes_back_no_more_than_the_invoice_that_it_names_billed() {
    let mut books = books();
    let sale = invoice(Some("C1"), vec![line("MUG", 1, LinePrice::Net(300))]);
    post(&mut books, &Command::PostInvoice(sale)).unwrap();
    post(
        &mut books,
        &Command::PostCreditNote(credit(Some("INV-000001"), "C1", 200)),
    )
    .unwrap();
    let mut refused = |note| {
        post(&mut books, &Command::PostCreditNote(note))
            .unwrap_err()
            .to_string()
    };
    let message = refused(credit(Some("INV-000001"), "C1", 101));
    assert_eq!(
        message,
        "invoice: of invoice 'INV-000001', 1.00 GBP can still be credited, not 1.01 GBP"
    );
    assert!(refused(credit(Some("INV-000009"), "C1", 1)).contains("no invoice has the number 'INV-000009'"));
    post(
        &mut books,
        &Command::PostCreditNote(credit(Some("INV-000001"), "C1", 100)),
    )
    .unwrap();
    // What corrects no invoice in particular is held against none.
    post(&mut books, &Command::PostCreditNote(credit(None, "C1", 100_000))).unwrap();
}

#[test]
fn a_credit_note_names_an_invoice_of_its_own_customer_and_currency() {
    let mut books = books();
    let second = CreateParty {
        code: "C2".into(),
        kind: PartyKind::Customer,
        country: "France".into(),
        name_sealed: None,
        terms: None,
        created_at: None,
    };
    post(&mut books, &Command::CreateParty(second)).unwrap();
    let sale = invoice(Some("C1"), vec![line("MUG", 1, LinePrice::Net(300))]);
    post(&mut books, &Command::PostInvoice(sale)).unwrap();
    let theirs = Command::PostCreditNote(credit(Some("INV-000001"), "C2", 100));
    let message = post(&mut books, &theirs).unwrap_err().to_string();
    assert_eq!(message, "customer: invoice 'INV-000001' was not billed to 'C2'");
    let invoice = books.invoices.values_mut().next().unwrap();
    invoice.currency = Currency::EUR;
    let euros = Command::PostCreditNote(credit(Some("INV-000001"), "C1", 100));
    assert!(matches!(post(&mut books, &euros), Err(ErpError::WrongCurrency { .. })));
}
