//! CronJob.

use crate::api::k8s::api::batch::v1::CronJob;
use crate::kinds::Strategy;

impl Strategy for CronJob {
    crate::spec_and_status!();
    const GENERATION: bool = true;
}
