//! The kinds of `apiregistration.k8s.io`.

use crate::api::k8s::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use crate::kinds::Strategy;

impl Strategy for APIService {}
