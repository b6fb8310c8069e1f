//! Gives a new ingress that names no class the default one.
//!
//! Mirrors `plugin/pkg/admission/network/defaultingressclass`.

use super::{Plugin, Request};
use crate::api::Object;
use crate::api::k8s::api::networking::v1::{Ingress, IngressClass};
use crate::api::object::annotation_of;
use crate::error::ApiError;
use crate::kinds::networking::ingress::CLASS_ANNOTATION;
use crate::kinds::networking::ingress_class::get_default_class;

/// See the module.
pub(super) struct DefaultIngressClass;

impl Plugin for DefaultIngressClass {
    fn create(&self, request: &Request<'_>, object: &mut Object) -> Result<(), ApiError> {
        let Some(ingress) = object.get_mut::<Ingress>() else { return Ok(()) };
        let spec = ingress.spec.get_or_insert_default();
        if spec.ingress_class_name.is_none()
            && annotation_of(&ingress.metadata, CLASS_ANNOTATION).is_none()
            && let Some(class) = get_default_class(request.view.list_as::<IngressClass>())
        {
            spec.ingress_class_name = class.metadata.name.clone();
        }
        Ok(())
    }
}
