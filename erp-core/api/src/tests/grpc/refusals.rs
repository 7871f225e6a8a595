//! What is refused, with the code and the field that HTTP says.

use cortex_proto::erp as pb;
use cortex_proto::erp::erp_service_client::ErpServiceClient;
use prost_reflect::{DescriptorPool, DynamicMessage, prost::Message};
use tonic::Code;

use super::super::shop;
use super::{code_of, service};

fn line(quantity: &str) -> pb::LineInput {
    pb::LineInput {
        product: "MUG".into(),
        quantity: quantity.into(),
        ..Default::default()
    }
}

fn invoice() -> pb::PostInvoiceRequest {
    pb::PostInvoiceRequest {
        idempotency_key: "g1".into(),
        customer: Some("C1".into()),
        lines: vec![line("1")],
        ..Default::default()
    }
}

#[tokio::test]
async fn grpc_says_of_each_field_what_is_wanted() {
    let mut client = shop().await.client();
    let said = |text: &str| Some(text.to_owned());
    for (request, field, wanted) in [
        (
            pb::PostInvoiceRequest {
                idempotency_key: String::new(),
                ..invoice()
            },
            "idempotency_key:",
            "choose a key",
        ),
        (
            pb::PostInvoiceRequest {
                idempotency_key: "k\n".into(),
                ..invoice()
            },
            "idempotency_key:",
            "visible ASCII",
        ),
        (
            pb::PostInvoiceRequest {
                invoiced_at: said("tomorrow"),
                ..invoice()
            },
            "invoiced_at:",
            "RFC 3339",
        ),
        (
            pb::PostInvoiceRequest {
                invoiced_at: said("9999-12-31"),
                ..invoice()
            },
            "invoiced_at:",
            "2200-01-01",
        ),
        (
            pb::PostInvoiceRequest {
                decision_id: said("7"),
                ..invoice()
            },
            "decision_id:",
            "UUID",
        ),
        (
            pb::PostInvoiceRequest {
                currency: said("pounds"),
                ..invoice()
            },
            "currency:",
            "ISO 4217",
        ),
        (
            pb::PostInvoiceRequest {
                currency: said(""),
                ..invoice()
            },
            "currency:",
            "ISO 4217",
        ),
        (
            pb::PostInvoiceRequest {
                lines: vec![line("1"), line("ten")],
                ..invoice()
            },
            "lines[1].quantity:",
            "12.50",
        ),
        (
            pb::PostInvoiceRequest {
                lines: vec![line("")],
                ..invoice()
            },
            "lines[0].quantity:",
            "12.50",
        ),
        (
            pb::PostInvoiceRequest {
                lines: Vec::new(),
                ..invoice()
            },
            "lines:",
            "at least one",
        ),
    ] {
        let refused = client.post_invoice(request).await.unwrap_err();
        assert_eq!(
            (refused.code(), code_of(&refused)),
            (Code::InvalidArgument, "invalid-argument"),
            "{refused}"
        );
        let message = refused.message().trim_start_matches("the message does not fit: ");
        assert!(message.starts_with(field) && message.contains(wanted), "{refused}");
    }
    let note = pb::PostCreditNoteRequest {
        idempotency_key: "g2".into(),
        customer: Some("C1".into()),
        lines: vec![pb::CreditLineInput {
            product: "MUG".into(),
            quantity: "1".into(),
            reason: "because".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let refused = client.post_credit_note(note).await.unwrap_err();
    assert!(
        refused.message().contains("lines[0].reason: ") && refused.message().contains("discount"),
        "{refused}"
    );
    assert!(
        !refused.message().contains("JSON") && !refused.message().contains("column"),
        "{refused}"
    );
    let nobody = client.get_party(pb::GetPartyRequest::default()).await.unwrap_err();
    assert_eq!(nobody.message(), "code: is missing");
    let limit = pb::ListPartiesRequest {
        limit: Some(501),
        ..Default::default()
    };
    assert!(
        client
            .list_parties(limit)
            .await
            .unwrap_err()
            .message()
            .starts_with("limit: '501'")
    );
    let both = pb::PostPaymentRequest {
        idempotency_key: "g3".into(),
        party: "C1".into(),
        direction: "in".into(),
        amount: "1.00".into(),
        settles: Some(pb::Settles {
            text: Some("oldest".into()),
            items: vec![pb::SettlesLineInput::default()],
        }),
        ..Default::default()
    };
    assert!(
        client
            .post_payment(both)
            .await
            .unwrap_err()
            .message()
            .starts_with("settles: has 'text' and 'items'")
    );
}

#[tokio::test]
async fn another_request_under_the_same_key_is_a_conflict() {
    let mut client = shop().await.client();
    let posted = client.post_invoice(invoice()).await.unwrap().into_inner();
    assert_eq!((&*posted.amount, posted.repeated), ("3.00", false));
    let again = client.post_invoice(invoice()).await.unwrap().into_inner();
    assert_eq!((&again.id, again.repeated), (&posted.id, true));
    let other = pb::PostInvoiceRequest {
        lines: vec![line("2")],
        ..invoice()
    };
    let refused = client.post_invoice(other).await.unwrap_err();
    assert_eq!(
        (refused.code(), code_of(&refused)),
        (Code::FailedPrecondition, "idempotency-conflict")
    );
}

#[tokio::test]
async fn nobody_is_let_in_without_an_identity() {
    let mut client = ErpServiceClient::new(service(&shop().await.api, None));
    let refused = client.get_company(pb::GetCompanyRequest {}).await.unwrap_err();
    assert_eq!(
        (refused.code(), code_of(&refused)),
        (Code::Unauthenticated, "unauthenticated")
    );
}

#[tokio::test]
async fn a_field_that_this_server_does_not_know_is_refused_and_not_left_undone() {
    let shop = shop().await;
    let pool = DescriptorPool::decode(cortex_proto::FILE_DESCRIPTOR_SET).unwrap();
    let asked = pool.get_message_by_name("cortex.erp.v1.PostInvoiceRequest").unwrap();
    // Field 19,000 of the line, a text.
    let mut line = line("1").encode_to_vec();
    line.extend([0xc2, 0xa3, 0x09, 1, b'x']);
    let mut bytes = pb::PostInvoiceRequest {
        lines: Vec::new(),
        ..invoice()
    }
    .encode_to_vec();
    bytes.extend([0x3a, u8::try_from(line.len()).unwrap()]);
    bytes.extend(line);
    let message = DynamicMessage::decode(asked, bytes.as_slice()).unwrap();
    let refused = shop.ask("PostInvoice", message).await.unwrap_err();
    assert_eq!(code_of(&refused), "invalid-argument");
    assert!(refused.message().contains("number 19000 of LineInput"), "{refused}");
}
