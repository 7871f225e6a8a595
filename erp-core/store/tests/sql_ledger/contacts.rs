//! People at parties, on a real database.

use cortex_erp::{Command, Contact, CreateParty, DefineContact, Known, Page, PartyKind, Records, SealedText};
use cortex_store::sql;
use cortex_types::{Coded, ErrorCode};

use crate::company::{Company, key, tenant};

fn sealed(text: &str) -> Option<SealedText> {
    Some(SealedText {
        sealed: format!("v1.{text}"),
        fingerprint: text.to_owned(),
    })
}

pub fn contact(party: &str, code: &str, is_primary: bool) -> Command {
    Command::DefineContact(DefineContact {
        party: party.into(),
        contact: code.into(),
        role: format!("role of {code}"),
        name_sealed: sealed("name"),
        email_sealed: sealed("email"),
        phone_sealed: None,
        is_primary,
        blocked: false,
    })
}

impl Company {
    async fn contacts(&self, party: Option<&str>) -> Vec<Contact> {
        self.ledger.contacts(&self.ctx, party, &Page::default()).await.unwrap()
    }

    /// Codes of those that are asked first.
    async fn first(&self, party: &str) -> Vec<String> {
        let contacts = self.contacts(Some(party)).await.into_iter();
        contacts
            .filter(|of| of.is_primary)
            .map(|of| of.code.to_string())
            .collect()
    }
}

#[tokio::test]
async fn a_contact_is_read_back_as_it_was_defined_and_defined_again() {
    let company = Company::trading().await;
    let receipt = company.sound(contact("C1", "ann", true)).await.unwrap();
    company.sound(contact("C1", "bob", false)).await.unwrap();
    company.sound(contact("S1", "ann", true)).await.unwrap();
    let ann = company
        .ledger
        .contact(&company.ctx, "C1", "ann")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((ann.id.0, &*receipt.number), (receipt.id, "C1/ann"));
    let party = company.ledger.party(&company.ctx, "C1").await.unwrap().unwrap();
    let expected = Contact {
        id: ann.id,
        party_id: party.id,
        party_code: "C1".into(),
        code: "ann".into(),
        role: "role of ann".to_owned(),
        name_sealed: Some("v1.name".to_owned()),
        email_sealed: Some("v1.email".to_owned()),
        phone_sealed: None,
        is_primary: true,
        blocked: false,
        created_at: ann.created_at,
    };
    assert_eq!(ann, expected);
    let again = DefineContact {
        party: "C1".into(),
        contact: "ann".into(),
        role: String::new(),
        name_sealed: None,
        email_sealed: None,
        phone_sealed: sealed("phone"),
        is_primary: false,
        blocked: true,
    };
    company.sound(Command::DefineContact(again)).await.unwrap();
    let ann = company
        .ledger
        .contact(&company.ctx, "C1", "ann")
        .await
        .unwrap()
        .unwrap();
    let expected = Contact {
        role: String::new(),
        name_sealed: None,
        email_sealed: None,
        phone_sealed: Some("v1.phone".to_owned()),
        is_primary: false,
        blocked: true,
        ..expected
    };
    assert_eq!(ann, expected);
    let codes = |contacts: Vec<Contact>| -> Vec<String> {
        contacts
            .iter()
            .map(|of| format!("{}/{}", of.party_code, of.code))
            .collect()
    };
    assert_eq!(codes(company.contacts(Some("C1")).await), ["C1/ann", "C1/bob"]);
    assert_eq!(codes(company.contacts(None).await), ["C1/ann", "C1/bob", "S1/ann"]);
    for (party, expected) in [
        (None, ["C1/bob", "S1/ann"].as_slice()),
        (Some("C1"), ["C1/bob"].as_slice()),
    ] {
        let page = Page::new(Some(ann.id.to_string()), 5);
        let behind = company.ledger.contacts(&company.ctx, party, &page).await.unwrap();
        assert_eq!(codes(behind), expected);
    }
    assert_eq!(company.count("contacts").await, 3);
    assert_eq!(company.count("change_log WHERE table_name = 'contacts'").await, 4);
    assert_eq!(company.count("audit_log WHERE action = 'erp.post-contact'").await, 4);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn one_contact_is_asked_first_whatever_is_defined_at_once() {
    let company = Company::trading().await;
    for code in ["ann", "bob"] {
        company.sound(contact("C1", code, true)).await.unwrap();
        assert_eq!(company.first("C1").await, [code]);
    }
    // All of one group, back and forth.
    let codes = ["ann", "bob", "cid", "ann", "dot", "cid", "bob"];
    let waiting: Vec<_> = codes
        .iter()
        .flat_map(|code| [("C1", *code), ("S1", *code)])
        .enumerate()
        .map(|(place, (party, code))| {
            let key = key(format!("k{place}"));
            let command = contact(party, code, true);
            company.erp.submit(&company.ctx, command, key, Known::ByClock).unwrap()
        })
        .collect();
    for pending in waiting {
        pending.answer().await.unwrap();
    }
    for party in ["C1", "S1"] {
        assert_eq!(company.first(party).await, ["bob"]);
        assert_eq!(company.contacts(Some(party)).await.len(), 4);
    }
    company.comes_of_its_commands().await;
    let two = "UPDATE contacts SET is_primary = true WHERE code = 'ann'";
    let mut work = company.begin().await;
    sql::query(two).execute(work.connection()).await.unwrap_err();
}

#[tokio::test]
async fn a_contact_needs_a_party_and_is_its_tenants_alone() {
    let company = Company::trading().await;
    company.sound(contact("C1", "ann", true)).await.unwrap();
    let unknown = company.sound(contact("C9", "ann", false)).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::UnknownParty);
    let walk_in = company.sound(contact("W", "ann", false)).await.unwrap_err();
    assert!(walk_in.to_string().starts_with("party: "), "{walk_in}");
    let other = tenant("rival");
    let of_other = |command, name: &'static str| company.erp.execute(&other, command, key(name), Known::ByClock);
    let refused = of_other(contact("C1", "ann", true), "r0").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::UnknownParty);
    let party = CreateParty {
        code: "C1".into(),
        kind: PartyKind::Customer,
        country: "France".into(),
        name_sealed: None,
        terms: None,
        created_at: None,
    };
    of_other(Command::CreateParty(party), "r1").await.unwrap();
    assert_eq!(company.ledger.contact(&other, "C1", "ann").await.unwrap(), None);
    of_other(contact("C1", "ann", true), "r2").await.unwrap();
    let page = Page::default();
    for party in [None, Some("C1")] {
        assert_eq!(company.ledger.contacts(&other, party, &page).await.unwrap().len(), 1);
        assert_eq!(
            company.ledger.contacts(&company.ctx, party, &page).await.unwrap().len(),
            1
        );
    }
}
