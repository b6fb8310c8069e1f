//! PriorityClass.

use crate::api::k8s::api::scheduling::v1::PriorityClass;
use crate::api::selector::format_labels;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::Description;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{set_text, text};
use crate::kinds::shared::describe::describe_events_of;
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

/// The two classes that every cluster has: name, value and what they are for.
pub const SYSTEM_CLASSES: [(&str, i32, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];
const HIGHEST_USER_DEFINABLE: i32 = 1_000_000_000;

impl Strategy for PriorityClass {
    const GENERATION: bool = true;

    fn set_defaults(&mut self) {
        set_text(&mut self.preemption_policy, "PreemptLowerPriority");
        // The number is always there in Go.
        self.value.get_or_insert(0);
    }

    fn validate(&self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        let (name, value) = (text(&self.metadata.name), self.value.unwrap_or(0));
        if name.starts_with("system-") {
            if let Some(why) = not_a_system_class(name, value, self.global_default == Some(true)) {
                let head = "priority class names with 'system-' prefix are reserved for system use only. error: ";
                faults.forbidden("metadata", "name", &format!("{head}{why}"));
            }
        } else if value > HIGHEST_USER_DEFINABLE {
            let detail = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_DEFINABLE}");
            faults.forbidden("", "value", &detail);
        }
        if let Some(policy) = &self.preemption_policy {
            faults.one_of_in_order("", "preemptionPolicy", policy, &["PreemptLowerPriority", "Never"]);
        }
        faults.0
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = Faults::default();
        if self.value.unwrap_or(0) != old.value.unwrap_or(0) {
            faults.forbidden("", "value", "may not be changed in an update.");
        }
        if self.preemption_policy != old.preemption_policy {
            faults.invalid("", "preemptionPolicy", &self.preemption_policy, FIELD_IMMUTABLE);
        }
        faults.0
    }

    fn columns() -> &'static [Column] {
        const {
            &[
                Column::new("NAME"),
                Column::new("VALUE"),
                Column::new("GLOBAL-DEFAULT"),
                Column::new("AGE"),
                Column::new("PREEMPTIONPOLICY").since(32),
            ]
        }
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        vec![
            text(&self.metadata.name).to_string(),
            self.value.unwrap_or(0).to_string(),
            (self.global_default == Some(true)).to_string(),
            print::age(&self.metadata, context),
            text(&self.preemption_policy).to_string(),
        ]
    }

    fn describe(&self, d: &mut Description, context: &PrintContext<'_>) {
        d.field(0, "Name", text(&self.metadata.name));
        d.field(0, "Value", self.value.unwrap_or(0));
        d.field(0, "GlobalDefault", self.global_default == Some(true));
        d.field(0, "PreemptionPolicy", text(&self.preemption_policy));
        d.field(0, "Description", text(&self.description));
        d.field(0, "Annotations", format_labels(&self.metadata.annotations));
        describe_events_of(d, &self.metadata, context);
    }
}

/// Why a class is none of the system's own. Mirrors `IsKnownSystemPriorityClass`.
fn not_a_system_class(name: &str, value: i32, global_default: bool) -> Option<String> {
    let Some((_, own, _)) = SYSTEM_CLASSES.iter().find(|(known, ..)| *known == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if *own != value {
        return Some(format!("value of {name} PriorityClass must be {own}"));
    }
    global_default.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}
