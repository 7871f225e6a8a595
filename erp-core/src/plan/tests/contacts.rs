//! People at parties.

use super::*;
use crate::postings::Document;
use crate::{Contact, DefineContact, DocumentKind, References, SealedText};

fn contact(party: &str, code: &str) -> DefineContact {
    DefineContact {
        party: party.into(),
        contact: code.into(),
        role: "accounts payable".to_owned(),
        name_sealed: None,
        email_sealed: None,
        phone_sealed: None,
        is_primary: false,
        blocked: false,
    }
}

fn primary(party: &str, code: &str) -> Command {
    Command::DefineContact(DefineContact {
        is_primary: true,
        ..contact(party, code)
    })
}

fn first_of(books: &Books, party: &str) -> Vec<String> {
    let contacts = books.contacts_of(party).iter().filter(|of| of.is_primary);
    contacts.map(|of| of.code.to_string()).collect()
}

#[test]
fn one_contact_of_a_party_is_asked_first() {
    let mut books = books();
    let ann = post(&mut books, &primary("C1", "ann")).unwrap();
    assert_eq!((ann.kind, &*ann.number), (DocumentKind::Contact, "C1/ann"));
    post(&mut books, &primary("S1", "ann")).unwrap();
    let bob = post(&mut books, &primary("C1", "bob")).unwrap();
    let Document::Contact {
        contact: taker,
        displaced,
    } = &bob.document
    else {
        panic!("no contact")
    };
    let displaced: Option<(&str, bool)> = displaced.as_ref().map(|of: &Contact| (&*of.code, of.is_primary));
    assert_eq!((&*taker.code, displaced), ("bob", Some(("ann", false))));
    assert_eq!(first_of(&books, "C1"), ["bob"]);
    assert_eq!(first_of(&books, "S1"), ["ann"]);
    // Said again nobody else changes, and nobody has to be it.
    let again = post(&mut books, &primary("C1", "bob")).unwrap();
    assert!(matches!(again.document, Document::Contact { displaced: None, .. }));
    post(&mut books, &Command::DefineContact(contact("C1", "bob"))).unwrap();
    assert_eq!(first_of(&books, "C1"), Vec::<String>::new());
}

#[test]
fn a_contact_that_is_defined_again_is_the_same_and_has_what_was_said_last() {
    let mut books = books();
    let sealed = |text: &str| {
        Some(SealedText {
            sealed: text.to_owned(),
            fingerprint: "f".to_owned(),
        })
    };
    let ann = DefineContact {
        name_sealed: sealed("v1.name"),
        email_sealed: sealed("v1.email"),
        phone_sealed: sealed("v1.phone"),
        ..contact("C1", "ann")
    };
    let first = post(&mut books, &Command::DefineContact(ann)).unwrap();
    let kept = books.contacts_of("C1")[0].clone();
    assert_eq!(
        [&kept.name_sealed, &kept.email_sealed, &kept.phone_sealed].map(|of| of.as_deref()),
        [Some("v1.name"), Some("v1.email"), Some("v1.phone")]
    );
    let gone = DefineContact {
        email_sealed: sealed("v1.other"),
        blocked: true,
        ..contact("C1", "ann")
    };
    let again = post(&mut books, &Command::DefineContact(gone)).unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(
        books.contacts_of("C1"),
        [Contact {
            name_sealed: None,
            email_sealed: Some("v1.other".to_owned()),
            phone_sealed: None,
            blocked: true,
            ..kept
        }]
    );
}

#[test]
fn a_contact_that_cannot_be_is_refused_by_its_field() {
    let mut books = books();
    let long = "x".repeat(201);
    for (command, field) in [
        (contact("C9", "ann"), "no party has the code 'C9'"),
        (contact("W", "ann"), "party: whoever pays in cash"),
        (contact("C1", ""), "contact: must be 1 to 64"),
        (contact("C1", " ann"), "contact: must be 1 to 64"),
        (
            DefineContact {
                role: long,
                ..contact("C1", "ann")
            },
            "role: is longer than 200",
        ),
        (
            DefineContact {
                is_primary: true,
                blocked: true,
                ..contact("C1", "ann")
            },
            "is_primary: must be false where blocked is true",
        ),
    ] {
        let text = post(&mut books, &Command::DefineContact(command))
            .unwrap_err()
            .to_string();
        assert!(text.starts_with(field), "{text}");
    }
    for number in 0..500 {
        post(
            &mut books,
            &Command::DefineContact(contact("C1", &format!("p{number}"))),
        )
        .unwrap();
    }
    let one_more = post(&mut books, &Command::DefineContact(contact("C1", "p500")));
    assert!(
        one_more
            .unwrap_err()
            .to_string()
            .contains("'C1' has 500 contacts already")
    );
    post(&mut books, &primary("C1", "p7")).unwrap();
    post(&mut books, &primary("S1", "p500")).unwrap();
}

#[test]
fn the_contacts_of_a_party_are_looked_up_with_it() {
    let mut wanted = References::default();
    wanted.collect(&primary("C1", "ann"), at());
    assert!(wanted.parties.contains("C1") && wanted.contacts.contains("C1"));
    assert_eq!((wanted.parties.len(), wanted.contacts.len()), (1, 1));
}
