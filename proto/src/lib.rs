//! Wire types generated from the `.proto` files, and how a call's context and errors cross gRPC.
//!
//! Nothing here decides anything: messages are translated at the edge of each API crate.

mod edge;

pub use edge::{context, refused, status, transport_status, with_stable_code};

/// Descriptors of every service, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// `inference`: the Open Inference Protocol (KServe v2).
pub mod inference {
    #![allow(clippy::all)]
    tonic::include_proto!("inference");
}

/// `cortex.serving.v1`: predictions for entities.
pub mod serving {
    #![allow(clippy::all)]
    tonic::include_proto!("cortex.serving.v1");
}

/// `cortex.features.v1`: features from the online store.
pub mod features {
    #![allow(clippy::all)]
    tonic::include_proto!("cortex.features.v1");
}

/// `cortex.experience.v1`: feedback and outcomes.
pub mod experience {
    #![allow(clippy::all)]
    tonic::include_proto!("cortex.experience.v1");
}

/// `cortex.erp.v1`: the ERP's documents.
pub mod erp {
    #![allow(clippy::all)]
    tonic::include_proto!("cortex.erp.v1");
}
