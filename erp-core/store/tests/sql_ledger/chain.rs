//! Entries are as they were posted, or named.

use cortex_erp::{Finding, Link, Records};
use cortex_store::sql;
use cortex_store::testing::drop_triggers;

use crate::company::Company;
use crate::statements::sold;

/// Three entries, posted one by one.
async fn posted() -> Company {
    let company = Company::trading().await;
    for minor in [100, 200, 300] {
        company.execute(sold("2011-06-30", minor)).await.unwrap();
    }
    company
}

/// What somebody does who holds the file.
async fn tampered(company: &Company, statements: &[&'static str]) {
    let mut write = company.begin().await;
    drop_triggers(&mut write).await;
    for statement in statements {
        sql::query(*statement).execute(write.connection()).await.unwrap();
    }
    write.commit().await.unwrap();
}

async fn found(company: &Company) -> Vec<(String, String)> {
    let findings = company.ledger.verify(&company.ctx).await.unwrap();
    let sealed = |finding: Finding| {
        let about_seals = matches!(&*finding.rule, "entry-is-as-posted" | "line-is-its-entry-s");
        about_seals.then_some((finding.subject, finding.problem))
    };
    findings.into_iter().filter_map(sealed).collect()
}

#[tokio::test]
async fn the_first_entry_that_was_tampered_with_is_named() {
    for (statements, subject, problem) in [
        (
            &[
                "UPDATE journal_lines SET debit_minor = debit_minor * 2, credit_minor = credit_minor * 2 \
               WHERE entry_id = (SELECT id FROM journal_entries WHERE number = 'J-000002')",
            ][..],
            "journal entry J-000002",
            "was changed",
        ),
        (
            &["UPDATE journal_entries SET posted_at = (SELECT min(created_at) FROM parties) WHERE number = 'J-000001'"],
            "journal entry J-000001",
            "was changed",
        ),
        (
            &[
                "UPDATE journal_lines SET posted_at = (SELECT min(created_at) FROM parties) \
               WHERE id = (SELECT min(id) FROM journal_lines)",
            ],
            "a line of journal entry J-000001",
            "is not that of its entry",
        ),
        (
            &["UPDATE journal_lines SET currency = 'EUR' WHERE id = (SELECT min(id) FROM journal_lines)"],
            "journal entry J-000001",
            "was changed",
        ),
        (
            &["UPDATE journal_lines SET cost_centre = 'X' WHERE id = (SELECT min(id) FROM journal_lines)"],
            "journal entry J-000001",
            "was changed",
        ),
        (
            &["UPDATE journal_lines SET base_minor = 1 WHERE id = (SELECT min(id) FROM journal_lines)"],
            "journal entry J-000001",
            "was changed",
        ),
        (
            &["UPDATE journal_chain SET seal = upper(seal) || 'x' WHERE seq = 3"],
            "journal entry J-000003",
            "was changed",
        ),
        (
            &[
                "DELETE FROM journal_lines WHERE entry_id = (SELECT id FROM journal_entries WHERE number = 'J-000002')",
                "DELETE FROM journal_chain WHERE seq = 2",
                "DELETE FROM journal_entries WHERE number = 'J-000002'",
            ],
            "journal entry number 2 in the order of posting",
            "taken out",
        ),
        (
            &[
                "INSERT INTO journal_entries SELECT 'slipped-in', tenant_id, 'J-000009', document_kind, document_id, memo, \
               currency, posted_at, tx_no FROM journal_entries WHERE number = 'J-000001'",
            ],
            "journal entry J-000009",
            "no seal",
        ),
    ] {
        let company = posted().await;
        assert_eq!(found(&company).await, []);
        tampered(&company, statements).await;
        let findings = found(&company).await;
        assert!(
            matches!(findings.last(), Some((where_, what)) if where_ == subject && what.contains(problem)),
            "{statements:?}: {findings:?}"
        );
    }
}

#[tokio::test]
async fn a_seal_that_was_noted_gives_away_a_chain_that_was_made_anew() {
    let company = posted().await;
    let (entries, noted) = company.ledger.sealed(&company.ctx).await.unwrap();
    assert_eq!(entries, 3);
    tampered(
        &company,
        &[
            "UPDATE journal_entries SET memo = 'another story' WHERE number = 'J-000002'",
            "DELETE FROM journal_chain",
        ],
    )
    .await;
    company.execute(sold("2011-07-01", 400)).await.unwrap();
    assert_eq!(
        found(&company).await,
        [],
        "everything was sealed anew, the fourth entry with it"
    );
    let (entries, newest) = company.ledger.sealed(&company.ctx).await.unwrap();
    assert_eq!(entries, 4);
    let ledger = &company.ledger;
    assert!(ledger.has_seal(&company.ctx, newest).await.unwrap());
    assert!(!ledger.has_seal(&company.ctx, noted).await.unwrap());
}

#[tokio::test]
async fn each_tenant_has_a_chain_of_its_own() {
    let company = posted().await;
    let other = crate::company::tenant("other");
    assert_eq!(company.ledger.sealed(&other).await.unwrap(), (0, Link::start("other")));
    assert!(company.ledger.verify(&other).await.unwrap().is_empty());
}
