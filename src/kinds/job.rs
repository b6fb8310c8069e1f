//! Job.

use crate::api::k8s::api::batch::v1::Job;
use crate::kinds::Strategy;

impl Strategy for Job {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
