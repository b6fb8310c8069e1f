//! Events, which have two versions in two groups.

use insta::assert_snapshot;

use crate::transcripts::Session;

const CORE: &str = "
apiVersion: v1
kind: Event
metadata:
  name: old
  namespace: default
involvedObject: {apiVersion: v1, kind: Pod, name: web, namespace: default, uid: abc}
reason: Tried
message: It tried
type: Normal
source: {component: me, host: here}
firstTimestamp: '2025-12-31T23:00:00Z'
lastTimestamp: '2025-12-31T23:30:00Z'
count: 3
";

const NEW: &str = "
apiVersion: events.k8s.io/v1
kind: Event
metadata:
  name: new
  namespace: default
regarding: {apiVersion: v1, kind: Pod, name: web, namespace: default, uid: abc}
reason: Tried
note: It tried again
action: Trying
type: Warning
eventTime: '2025-12-31T23:45:00.000000Z'
reportingController: example.com/me
reportingInstance: me-1
";

#[test]
fn an_event_is_the_same_in_both_versions() {
    let mut session = Session::new();
    assert_snapshot!(session.0.feed("kubectl create -f -", CORE), @"event/old created");
    assert_snapshot!(session.0.feed("kubectl create -f -", NEW), @"event.events.k8s.io/new created");
    assert_snapshot!(session.run(&[
        "kubectl get events",
        "kubectl get events.events.k8s.io",
        "kubectl get events.v1.events.k8s.io -o wide",
        "kubectl get events.v1.events.k8s.io old -o yaml",
        "kubectl get event old -o yaml",
        "kubectl get events.v1.events.k8s.io new -o yaml",
        "kubectl get event new -o yaml",
        "kubectl get events.events.k8s.io --field-selector=regarding.name=web -o name",
        "kubectl get events.events.k8s.io --field-selector=involvedObject.name=web -o name",
        "kubectl get events.v1.events.k8s.io --field-selector=reportingController=example.com/me -o name",
        "kubectl get events --field-selector=involvedObject.name=web -o name",
        "kubectl describe event new",
        "kubectl describe events.v1.events.k8s.io new",
    ]), @r#"
    $ kubectl get events
    LAST SEEN   TYPE      REASON   OBJECT    MESSAGE
    15m         Warning   Tried    pod/web   It tried again
    30m         Normal    Tried    pod/web   It tried
    $ kubectl get events.events.k8s.io
    LAST SEEN   TYPE      REASON   OBJECT    MESSAGE
    15m         Warning   Tried    pod/web   It tried again
    30m         Normal    Tried    pod/web   It tried
    $ kubectl get events.v1.events.k8s.io -o wide
    LAST SEEN   TYPE      REASON   OBJECT    SUBOBJECT   SOURCE                 MESSAGE          FIRST SEEN   COUNT   NAME
    15m         Warning   Tried    pod/web               example.com/me, me-1   It tried again   15m          1       new
    30m         Normal    Tried    pod/web               me, here               It tried         60m          3       old
    $ kubectl get events.v1.events.k8s.io old -o yaml
    apiVersion: events.k8s.io/v1
    deprecatedCount: 3
    deprecatedFirstTimestamp: "2025-12-31T23:00:00Z"
    deprecatedLastTimestamp: "2025-12-31T23:30:00Z"
    deprecatedSource:
      component: me
      host: here
    eventTime: null
    kind: Event
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      name: old
      namespace: default
      resourceVersion: "216"
      uid: 28d13f72-ab1f-408b-9483-9706b6b8fc08
    note: It tried
    reason: Tried
    regarding:
      apiVersion: v1
      kind: Pod
      name: web
      namespace: default
      uid: abc
    type: Normal
    $ kubectl get event old -o yaml
    apiVersion: v1
    count: 3
    eventTime: null
    firstTimestamp: "2025-12-31T23:00:00Z"
    involvedObject:
      apiVersion: v1
      kind: Pod
      name: web
      namespace: default
      uid: abc
    kind: Event
    lastTimestamp: "2025-12-31T23:30:00Z"
    message: It tried
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      name: old
      namespace: default
      resourceVersion: "216"
      uid: 28d13f72-ab1f-408b-9483-9706b6b8fc08
    reason: Tried
    reportingComponent: ""
    reportingInstance: ""
    source:
      component: me
      host: here
    type: Normal
    $ kubectl get events.v1.events.k8s.io new -o yaml
    action: Trying
    apiVersion: events.k8s.io/v1
    deprecatedFirstTimestamp: null
    deprecatedLastTimestamp: null
    deprecatedSource: {}
    eventTime: "2025-12-31T23:45:00.000000Z"
    kind: Event
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      name: new
      namespace: default
      resourceVersion: "217"
      uid: 01e04cbd-b758-4544-bd70-a6c12510fbd4
    note: It tried again
    reason: Tried
    regarding:
      apiVersion: v1
      kind: Pod
      name: web
      namespace: default
      uid: abc
    reportingController: example.com/me
    reportingInstance: me-1
    type: Warning
    $ kubectl get event new -o yaml
    action: Trying
    apiVersion: v1
    eventTime: "2025-12-31T23:45:00.000000Z"
    firstTimestamp: null
    involvedObject:
      apiVersion: v1
      kind: Pod
      name: web
      namespace: default
      uid: abc
    kind: Event
    lastTimestamp: null
    message: It tried again
    metadata:
      creationTimestamp: "2026-01-01T00:00:00Z"
      name: new
      namespace: default
      resourceVersion: "217"
      uid: 01e04cbd-b758-4544-bd70-a6c12510fbd4
    reason: Tried
    reportingComponent: example.com/me
    reportingInstance: me-1
    source: {}
    type: Warning
    $ kubectl get events.events.k8s.io --field-selector=regarding.name=web -o name
    event.events.k8s.io/new
    event.events.k8s.io/old
    $ kubectl get events.events.k8s.io --field-selector=involvedObject.name=web -o name
    Error from server (BadRequest): Unable to find "events.k8s.io/v1, Resource=events" that match label selector "", field selector "involvedObject.name=web": field label not supported: involvedObject.name
    [exit 1]
    $ kubectl get events.v1.events.k8s.io --field-selector=reportingController=example.com/me -o name
    event.events.k8s.io/new
    $ kubectl get events --field-selector=involvedObject.name=web -o name
    event/new
    event/old
    $ kubectl describe event new
    Name:             new
    Namespace:        default
    Labels:           <none>
    Annotations:      <none>
    Action:           Trying
    API Version:      v1
    Event Time:       2025-12-31T23:45:00.000000Z
    First Timestamp:  <nil>
    Involved Object:
      API Version:   v1
      Kind:          Pod
      Name:          web
      Namespace:     default
      UID:           abc
    Kind:            Event
    Last Timestamp:  <nil>
    Message:         It tried again
    Metadata:
      Creation Timestamp:  2026-01-01T00:00:00Z
      Resource Version:    217
      UID:                 01e04cbd-b758-4544-bd70-a6c12510fbd4
    Reason:                Tried
    Reporting Component:   example.com/me
    Reporting Instance:    me-1
    Source:
    Type:    Warning
    Events:  <none>
    $ kubectl describe events.v1.events.k8s.io new
    Name:                        new
    Namespace:                   default
    Labels:                      <none>
    Annotations:                 <none>
    Action:                      Trying
    API Version:                 events.k8s.io/v1
    Deprecated First Timestamp:  <nil>
    Deprecated Last Timestamp:   <nil>
    Deprecated Source:
    Event Time:  2025-12-31T23:45:00.000000Z
    Kind:        Event
    Metadata:
      Creation Timestamp:  2026-01-01T00:00:00Z
      Resource Version:    217
      UID:                 01e04cbd-b758-4544-bd70-a6c12510fbd4
    Note:                  It tried again
    Reason:                Tried
    Regarding:
      API Version:         v1
      Kind:                Pod
      Name:                web
      Namespace:           default
      UID:                 abc
    Reporting Controller:  example.com/me
    Reporting Instance:    me-1
    Type:                  Warning
    Events:                <none>
    "#);
}

#[test]
fn the_newer_version_is_strict() {
    let mut session = Session::new();
    let odd = NEW
        .replace("eventTime: '2025-12-31T23:45:00.000000Z'\n", "eventTime: null\n")
        .replace("type: Warning", "type: Odd\ndeprecatedCount: 2\ndeprecatedSource: {component: me}\nseries: {count: 1, lastObservedTime: '2025-12-31T23:45:00.000000Z'}");
    assert_snapshot!(session.0.feed("kubectl create -f -", &odd), @r#"
    The Event "new" is invalid: 
    * series.count: Invalid value: "": should be at least 2
    * eventTime: Required value
    * type: Invalid value: "": has invalid value: Odd
    * count: Invalid value: "": needs to be unset
    * source: Invalid value: "": needs to be unset
    "#);
    let odd = NEW
        .replace("action: Trying\n", "")
        .replace("reportingController: example.com/me", "reportingController: -me")
        .replace("reason: Tried\n", "");
    assert_snapshot!(session.0.feed("kubectl create -f -", &odd), @r#"
    The Event "new" is invalid: 
    * reportingController: Invalid value: "-me": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
    * action: Required value
    * reason: Required value
    "#);
    let core = odd
        .replace("events.k8s.io/v1", "v1")
        .replace("regarding", "involvedObject")
        .replace("note", "message")
        .replace("reportingController", "reportingComponent");
    assert_snapshot!(session.0.feed("kubectl create -f -", &core), @r#"
    The Event "new" is invalid: 
    * reportingComponent: Invalid value: "-me": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
    * action: Required value
    * reason: Required value
    "#);
    session.0.feed("kubectl create -f -", NEW);
    assert_snapshot!(session.0.feed("kubectl apply -f -", &NEW.replace("It tried again", "It failed")), @r#"
    Warning: resource events/new is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.
    The Event "new" is invalid: message: Invalid value: "It failed": field is immutable
    "#);
    assert_snapshot!(session.run(&[
        "kubectl patch event new --type=merge -p '{\"message\":\"It failed\"}'",
        "kubectl patch events.v1.events.k8s.io new --type=merge -p '{\"note\":\"It failed again\"}'",
        "kubectl patch events.v1.events.k8s.io new --type=merge -p '{\"series\":{\"count\":2,\"lastObservedTime\":\"2026-01-01T00:00:00.000000Z\"}}'",
        "kubectl get events",
        "kubectl delete events.events.k8s.io new",
        "kubectl explain events.events.k8s.io.note",
        "kubectl explain event.message",
        "kubectl explain event.note --api-version=events.k8s.io/v1",
    ]), @r#"
    $ kubectl patch event new --type=merge -p '{"message":"It failed"}'
    event/new patched
    $ kubectl patch events.v1.events.k8s.io new --type=merge -p '{"note":"It failed again"}'
    The Event "new" is invalid: message: Invalid value: "It failed again": field is immutable
    [exit 1]
    $ kubectl patch events.v1.events.k8s.io new --type=merge -p '{"series":{"count":2,"lastObservedTime":"2026-01-01T00:00:00.000000Z"}}'
    event.events.k8s.io/new patched
    $ kubectl get events
    LAST SEEN   TYPE      REASON   OBJECT    MESSAGE
    0s          Warning   Tried    pod/web   It failed
    $ kubectl delete events.events.k8s.io new
    event.events.k8s.io "new" deleted from default namespace
    $ kubectl explain events.events.k8s.io.note
    KIND:       Event
    VERSION:    v1

    error: field "note" does not exist
    [exit 1]
    $ kubectl explain event.message
    KIND:       Event
    VERSION:    v1

    FIELD: message <string>


    DESCRIPTION:
        A human-readable description of the status of this operation.
        

    $ kubectl explain event.note --api-version=events.k8s.io/v1
    GROUP:      events.k8s.io
    KIND:       Event
    VERSION:    v1

    FIELD: note <string>


    DESCRIPTION:
        note is a human-readable description of the status of this operation.
        Maximal length of the note is 1kB, but libraries should be prepared to
        handle values up to 64kB.
    "#);
}
