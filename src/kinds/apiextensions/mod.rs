//! The kinds of `apiextensions.k8s.io`.

use crate::api::k8s::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use crate::kinds::Strategy;

impl Strategy for CustomResourceDefinition {}
