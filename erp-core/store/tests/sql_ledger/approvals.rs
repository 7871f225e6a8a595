//! Rules of approval, and documents that somebody said yes to.

use std::sync::Arc;

use cortex_erp::{
    Approval, Approvals, Attempt, Command, CommandJournal, DefineApprovalRule, DocumentKind, ErpError, Known, Rulebook,
};
use cortex_types::{Currency, Money, Principal, Role, Timestamp};

use crate::company::{Company, invoice, key, line, tenant};

pub fn rule(above_minor: i64, blocked: bool) -> Command {
    Command::DefineApprovalRule(DefineApprovalRule {
        code: "big".into(),
        kind: DocumentKind::SalesInvoice,
        above_minor,
        currency: Currency::GBP,
        role: Role::Manager,
        blocked,
    })
}

#[tokio::test]
async fn who_said_yes_is_kept_with_the_command_and_counts_when_it_is_carried_out_again() {
    let company = Company::trading().await;
    let ctx = &company.ctx;
    for (key_of, above) in [("r1", 1), ("r2", 100)] {
        let defined = company
            .erp
            .execute(ctx, rule(above, false), key(key_of), Known::ByClock)
            .await;
        assert_eq!(&*defined.unwrap().number, "big");
    }
    let rules = company.ledger.approval_rules(ctx).await.unwrap();
    assert_eq!(
        (rules.len(), rules[0].above_minor, rules[0].role),
        (1, 100, Role::Manager)
    );
    assert_eq!(company.ledger.approval_rules(&tenant("other")).await.unwrap(), []);

    let sale = || Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 1)]));
    let refused = company.erp.execute(ctx, sale(), key("i1"), Known::ByClock).await;
    assert!(matches!(refused, Err(ErpError::ApprovalRequired { .. })), "{refused:?}");
    let said = |role, minor| {
        Some(Arc::new(Approvals {
            given: vec![Approval::of(&Principal::new("mary", [role]), Timestamp::default())],
            amount: Some(Money::new(minor, Currency::GBP)),
        }))
    };
    for (role, minor) in [(Role::Clerk, 1_000_000), (Role::Manager, 101)] {
        let attempt = Attempt::from(key("i1")).approved(said(role, minor));
        let refused = company.erp.execute(ctx, sale(), attempt, Known::ByClock).await;
        assert!(refused.is_err(), "{role} {minor}");
    }
    let attempt = Attempt::from(key("i1")).approved(said(Role::Manager, 1_000_000));
    company.erp.execute(ctx, sale(), attempt, Known::ByClock).await.unwrap();

    let commands = company.ledger.commands(ctx, 0, 100).await.unwrap();
    let kept = commands.last().unwrap().circumstances.approvals.as_ref().unwrap();
    assert_eq!(&*kept.given[0].by, "mary");
    company.comes_of_its_commands().await;

    company
        .erp
        .execute(ctx, rule(100, true), key("r3"), Known::ByClock)
        .await
        .unwrap();
    company
        .erp
        .execute(ctx, sale(), key("i2"), Known::ByClock)
        .await
        .unwrap();
}
