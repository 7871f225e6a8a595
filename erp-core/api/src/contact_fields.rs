//! The personal fields of contacts: sealed before they go any further, opened for who reads that contact.

use cortex_erp::{
    Answered, Attempt, Command, Contact, DefineContact, DocumentKind, ErpError, Party, PartyKind, Receipt, SealedText,
};
use cortex_security::SecurityError;
use cortex_types::RequestContext;

use crate::ErpApi;
use crate::api::PartyError;

/// A contact's personal fields, in clear.
#[derive(Debug, Default)]
pub(crate) struct Person {
    pub name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

/// A personal field of a contact, by the names that it is sealed under.
#[derive(Clone, Copy)]
struct Field<'a> {
    /// Under the party's key.
    of_party: &'static str,
    /// Under the contact's own.
    own: &'static str,
    party: &'a str,
    contact: &'a str,
}

const NAME: (&str, &str) = ("contact.name", "name");
const EMAIL: (&str, &str) = ("contact.email", "email");
const PHONE: (&str, &str) = ("contact.phone", "phone");

impl Person {
    /// Fields without text are absent.
    pub fn new(name: Option<String>, email: Option<String>, phone: Option<String>) -> Self {
        let there = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            name: there(name),
            email: there(email),
            phone: there(phone),
        }
    }

    fn check(&self) -> Result<(), ErpError> {
        self.name.as_deref().map_or(Ok(()), DefineContact::check_name)?;
        self.email.as_deref().map_or(Ok(()), DefineContact::check_email)?;
        self.phone.as_deref().map_or(Ok(()), DefineContact::check_phone)
    }

    const fn is_nobody(&self) -> bool {
        self.name.is_none() && self.email.is_none() && self.phone.is_none()
    }
}

impl<'a> Field<'a> {
    const fn new((of_party, own): (&'static str, &'static str), party: &'a str, contact: &'a str) -> Self {
        Self {
            of_party,
            own,
            party,
            contact,
        }
    }
}

impl ErpApi {
    /// Defines a contact; what is personal is sealed under its party's key, and that under a key of its own. What will be
    /// refused anyway, or is rehearsed, gets no key.
    pub(crate) async fn define_contact(
        &self,
        ctx: &RequestContext,
        mut contact: DefineContact,
        person: Person,
        attempt: impl Into<Attempt>,
    ) -> Result<Receipt, PartyError> {
        let attempt = attempt.into();
        contact.check().map_err(PartyError::Erp)?;
        person.check().map_err(PartyError::Erp)?;
        let is_sealed = !person.is_nobody() && self.may_be_defined(ctx, &contact, &attempt).await?;
        if is_sealed {
            self.check_not_erased(ctx, &contact).await?;
        }
        if is_sealed && !attempt.is_rehearsed() {
            let (party, code) = (&*contact.party, &*contact.contact);
            let field = |names| Field::new(names, party, code);
            let name = self.sealed_field(ctx, field(NAME), person.name.as_deref()).await?;
            let email = self.sealed_field(ctx, field(EMAIL), person.email.as_deref()).await?;
            let phone = self.sealed_field(ctx, field(PHONE), person.phone.as_deref()).await?;
            (contact.name_sealed, contact.email_sealed, contact.phone_sealed) = (name, email, phone);
        }
        self.execute(ctx, Command::DefineContact(contact), attempt)
            .await
            .map_err(PartyError::Erp)
    }

    /// Whether its party can have contacts, as far as can be told now: what comes together may make the party first.
    async fn may_be_defined(
        &self,
        ctx: &RequestContext,
        contact: &DefineContact,
        attempt: &Attempt,
    ) -> Result<bool, PartyError> {
        let answered = self.records.answered(ctx, attempt.key()).await;
        if let Some(Answered { receipt, .. }) = answered.map_err(PartyError::Erp)? {
            let number = Contact::number(&contact.party, &contact.contact);
            return Ok(receipt.kind == DocumentKind::Contact && receipt.number == number);
        }
        let party = self.records.party(ctx, &contact.party).await;
        match party.map_err(PartyError::Erp)? {
            Some(party) => Ok(party.kind != PartyKind::WalkIn),
            None if attempt.is_seated() => Ok(true),
            // Made in the meantime, it would have a contact without what is personal.
            None => Err(PartyError::Erp(ErpError::UnknownParty(contact.party.clone()))),
        }
    }

    /// What is erased gets no name again, and a rehearsal says so too.
    async fn check_not_erased(&self, ctx: &RequestContext, contact: &DefineContact) -> Result<(), PartyError> {
        let (party, code) = (&*contact.party, &*contact.contact);
        for subject in [Party::subject(party), Contact::subject(party, code)] {
            if self
                .sealer
                .is_erased(ctx, &subject)
                .await
                .map_err(PartyError::Security)?
            {
                return Err(erased(subject, party, code));
            }
        }
        Ok(())
    }

    /// Under the party's key first: where that is destroyed, no other is made.
    async fn sealed_field(
        &self,
        ctx: &RequestContext,
        field: Field<'_>,
        text: Option<&str>,
    ) -> Result<Option<SealedText>, PartyError> {
        let Some(text) = text else { return Ok(None) };
        let party = Party::subject(field.party);
        let own = Contact::subject(field.party, field.contact);
        let sealed = async {
            let within = self.sealer.seal(ctx, &party, field.of_party, text).await?;
            let known = self.sealer.fingerprint(ctx, &party, field.of_party, text).await?;
            Ok::<_, SecurityError>(SealedText {
                sealed: self.sealer.seal(ctx, &own, field.own, &within).await?,
                fingerprint: self.sealer.fingerprint(ctx, &own, field.own, &known).await?,
            })
        };
        sealed.await.map(Some).map_err(|error| match error {
            SecurityError::Erased { subject } => erased(subject, field.party, field.contact),
            other => PartyError::Security(other),
        })
    }

    /// What is personal of a contact: nothing where one of its keys was destroyed.
    pub(crate) async fn person(&self, ctx: &RequestContext, contact: &Contact) -> Result<Person, SecurityError> {
        let field = |names| Field::new(names, &contact.party_code, &contact.code);
        Ok(Person {
            name: self.opened(ctx, field(NAME), contact.name_sealed.as_deref()).await?,
            email: self.opened(ctx, field(EMAIL), contact.email_sealed.as_deref()).await?,
            phone: self.opened(ctx, field(PHONE), contact.phone_sealed.as_deref()).await?,
        })
    }

    async fn opened(
        &self,
        ctx: &RequestContext,
        field: Field<'_>,
        sealed: Option<&str>,
    ) -> Result<Option<String>, SecurityError> {
        let Some(sealed) = sealed else { return Ok(None) };
        let own = Contact::subject(field.party, field.contact);
        let opened = async {
            let within = self.sealer.open(ctx, &own, field.own, sealed).await?;
            let party = Party::subject(field.party);
            self.sealer.open(ctx, &party, field.of_party, &within).await
        };
        match opened.await {
            Ok(text) => Ok(Some(text)),
            Err(SecurityError::Erased { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn erased(subject: String, party: &str, contact: &str) -> PartyError {
    let (field, problem) = if subject == Contact::subject(party, contact) {
        let problem = format!("what was personal of '{contact}' was erased for good: give the person another code");
        ("contact", problem)
    } else {
        let problem = format!(
            "what was personal of '{party}' was erased for good: it can have contacts without name, email and phone"
        );
        ("party", problem)
    };
    PartyError::Erp(ErpError::invalid(field, problem))
}
