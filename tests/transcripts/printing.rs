//! Forms of output: templates that fail, orders that there are not, KYAML.

use insta::assert_snapshot;

use super::Session;

#[test]
fn what_fails_in_the_middle_prints_what_was_before() {
    let mut session = Session::new();
    session.run(&["kubectl create configmap a --from-literal=x=1", "kubectl create configmap b"]);
    assert_snapshot!(session.run(&[
        "kubectl get ns kube-public -o go-template='{{.kind}}{{index .none 1}}'",
        "kubectl get ns kube-public -o jsonpath='{.kind}{.spec.finalizers[3]}'",
        "kubectl get ns kube-public -o jsonpath='{.none}' --allow-missing-template-keys=false",
        "kubectl get ns kube-public -o custom-columns=NAME:.metadata.name,F:.spec.finalizers[3]",
        "kubectl get ns kube-public -o custom-columns=NAME:.metadata[",
        "kubectl get ns kube-public -o custom-columns=NAME",
        "kubectl create ns x --dry-run=client -o go-template='{{.metadata.name}}{{index .none 1}}'",
    ]), @r#"
    $ kubectl get ns kube-public -o go-template='{{.kind}}{{index .none 1}}'
    NamespaceError executing template: template: output:1:11: executing "output" at <index .none 1>: error calling index: index of untyped nil. Printing more information for debugging the template:
    	template was:
    		{{.kind}}{{index .none 1}}
    	raw data was:
    		{"apiVersion":"v1","kind":"Namespace","metadata":{"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"kubernetes.io/metadata.name":"kube-public"},"managedFields":[{"apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:kubernetes.io/metadata.name":{}}}},"manager":"kube-apiserver","operation":"Update","time":"2026-01-01T00:00:00Z"}],"name":"kube-public","resourceVersion":"3","uid":"841200c7-e845-4609-9dd5-52d616d3e3f6"},"spec":{"finalizers":["kubernetes"]},"status":{"phase":"Active"}}
    	object given to template engine was:
    		map[apiVersion:v1 kind:Namespace metadata:map[creationTimestamp:2026-01-01T00:00:00Z labels:map[kubernetes.io/metadata.name:kube-public] managedFields:[map[apiVersion:v1 fieldsType:FieldsV1 fieldsV1:map[f:metadata:map[f:labels:map[.:map[] f:kubernetes.io/metadata.name:map[]]]] manager:kube-apiserver operation:Update time:2026-01-01T00:00:00Z]] name:kube-public resourceVersion:3 uid:841200c7-e845-4609-9dd5-52d616d3e3f6] spec:map[finalizers:[kubernetes]] status:map[phase:Active]]

    error: error executing template "{{.kind}}{{index .none 1}}": template: output:1:11: executing "output" at <index .none 1>: error calling index: index of untyped nil
    [exit 1]
    $ kubectl get ns kube-public -o jsonpath='{.kind}{.spec.finalizers[3]}'
    error: error executing jsonpath "{.kind}{.spec.finalizers[3]}": Error executing template: array index out of bounds: index 3, length 1. Printing more information for debugging the template:
    	template was:
    		{.kind}{.spec.finalizers[3]}
    	object given to jsonpath engine was:
    		map[string]interface {}{"apiVersion":"v1", "kind":"Namespace", "metadata":map[string]interface {}{"creationTimestamp":"2026-01-01T00:00:00Z", "labels":map[string]interface {}{"kubernetes.io/metadata.name":"kube-public"}, "managedFields":[]interface {}{map[string]interface {}{"apiVersion":"v1", "fieldsType":"FieldsV1", "fieldsV1":map[string]interface {}{"f:metadata":map[string]interface {}{"f:labels":map[string]interface {}{".":map[string]interface {}{}, "f:kubernetes.io/metadata.name":map[string]interface {}{}}}}, "manager":"kube-apiserver", "operation":"Update", "time":"2026-01-01T00:00:00Z"}}, "name":"kube-public", "resourceVersion":"3", "uid":"841200c7-e845-4609-9dd5-52d616d3e3f6"}, "spec":map[string]interface {}{"finalizers":[]interface {}{"kubernetes"}}, "status":map[string]interface {}{"phase":"Active"}}

    [exit 1]
    $ kubectl get ns kube-public -o jsonpath='{.none}' --allow-missing-template-keys=false
    error: error executing jsonpath "{.none}": Error executing template: none is not found. Printing more information for debugging the template:
    	template was:
    		{.none}
    	object given to jsonpath engine was:
    		map[string]interface {}{"apiVersion":"v1", "kind":"Namespace", "metadata":map[string]interface {}{"creationTimestamp":"2026-01-01T00:00:00Z", "labels":map[string]interface {}{"kubernetes.io/metadata.name":"kube-public"}, "managedFields":[]interface {}{map[string]interface {}{"apiVersion":"v1", "fieldsType":"FieldsV1", "fieldsV1":map[string]interface {}{"f:metadata":map[string]interface {}{"f:labels":map[string]interface {}{".":map[string]interface {}{}, "f:kubernetes.io/metadata.name":map[string]interface {}{}}}}, "manager":"kube-apiserver", "operation":"Update", "time":"2026-01-01T00:00:00Z"}}, "name":"kube-public", "resourceVersion":"3", "uid":"841200c7-e845-4609-9dd5-52d616d3e3f6"}, "spec":map[string]interface {}{"finalizers":[]interface {}{"kubernetes"}}, "status":map[string]interface {}{"phase":"Active"}}

    [exit 1]
    $ kubectl get ns kube-public -o custom-columns=NAME:.metadata.name,F:.spec.finalizers[3]
    NAME   F
    error: array index out of bounds: index 3, length 1
    [exit 1]
    $ kubectl get ns kube-public -o custom-columns=NAME:.metadata[
    NAME
    error: unterminated array
    [exit 1]
    $ kubectl get ns kube-public -o custom-columns=NAME
    error: unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>
    [exit 1]
    $ kubectl create ns x --dry-run=client -o go-template='{{.metadata.name}}{{index .none 1}}'
    xError executing template: template: output:1:20: executing "output" at <index .none 1>: error calling index: index of untyped nil. Printing more information for debugging the template:
    	template was:
    		{{.metadata.name}}{{index .none 1}}
    	raw data was:
    		{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"x"},"spec":{},"status":{}}
    	object given to template engine was:
    		map[apiVersion:v1 kind:Namespace metadata:map[name:x] spec:map[] status:map[]]

    error: error executing template "{{.metadata.name}}{{index .none 1}}": template: output:1:20: executing "output" at <index .none 1>: error calling index: index of untyped nil
    [exit 1]
    "#);
}

#[test]
fn forms_without_their_templates_are_refused() {
    assert_snapshot!(Session::new().run(&[
        "kubectl get ns -o foo",
        "kubectl get ns -o json=x",
        "kubectl create ns x --dry-run=client -o wide",
        "kubectl get ns -o go-template",
        "kubectl get ns -o jsonpath=",
        "kubectl get ns -o go-template-file",
        "kubectl get ns -o jsonpath-file=/nope",
        "kubectl get ns -o custom-columns",
        "kubectl get ns -o custom-columns-file",
        "kubectl get ns -o custom-columns-file=/nope",
        "kubectl get ns -o go-template='{{'",
        "kubectl get ns -o jsonpath='{'",
        "kubectl get ns -o jsonpath='{.kind}' --template='{.x}'",
    ]), @r#"
    $ kubectl get ns -o foo
    error: unable to match a printer suitable for the output format "foo", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml
    [exit 1]
    $ kubectl get ns -o json=x
    error: unable to match a printer suitable for the output format "json=x", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml
    [exit 1]
    $ kubectl create ns x --dry-run=client -o wide
    error: unable to match a printer suitable for the output format "wide", allowed formats are: go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,yaml
    [exit 1]
    $ kubectl get ns -o go-template
    error: template format specified but no template given
    [exit 1]
    $ kubectl get ns -o jsonpath=
    error: template format specified but no template given
    [exit 1]
    $ kubectl get ns -o go-template-file
    error: template format specified but no template given
    [exit 1]
    $ kubectl get ns -o jsonpath-file=/nope
    error: error reading --template /nope, open /nope: no such file or directory
    [exit 1]
    $ kubectl get ns -o custom-columns
    error: custom-columns format specified but no custom columns given
    [exit 1]
    $ kubectl get ns -o custom-columns-file
    error: custom-columns format specified but no custom columns given
    [exit 1]
    $ kubectl get ns -o custom-columns-file=/nope
    error: error reading template /nope, open /nope: no such file or directory
    [exit 1]
    $ kubectl get ns -o go-template='{{'
    error: error parsing template {{, template: output:1: unclosed action
    [exit 1]
    $ kubectl get ns -o jsonpath='{'
    error: error parsing jsonpath {, unclosed action
    [exit 1]
    $ kubectl get ns -o jsonpath='{.kind}' --template='{.x}'
    error: unable to match a printer suitable for the output format "jsonpath={.kind}", allowed formats are: custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml
    [exit 1]
    "#);
}

#[test]
fn what_has_no_order_ends_with_a_line_of_the_log() {
    assert_snapshot!(Session::new().run(&[
        "kubectl get ns --sort-by=.metadata.labels",
        "kubectl get ns --sort-by=.metadata.labels -o name",
        "kubectl get ns --sort-by=.spec.finalizers -o name",
        "kubectl get ns --sort-by=.none",
        "kubectl get ns --sort-by=.none -o name",
        "kubectl get ns --sort-by='{.a'",
    ]), @r#"
    $ kubectl get ns --sort-by=.metadata.labels
    F0101 00:00:00.000000       1 sorter.go:375] Field {.metadata.labels} in [][][]reflect.Value is an unsortable type: interface, err: unsortable type: map[string]interface {}
    [exit 1]
    $ kubectl get ns --sort-by=.metadata.labels -o name
    F0101 00:00:00.000000       1 sorter.go:329] Field {.metadata.labels} in *unstructured.Unstructured is an unsortable type: interface, err: unsortable type: map[string]interface {}
    [exit 1]
    $ kubectl get ns --sort-by=.spec.finalizers -o name
    F0101 00:00:00.000000       1 sorter.go:329] Field {.spec.finalizers} in *unstructured.Unstructured is an unsortable type: interface, err: unsortable type: []interface {}
    [exit 1]
    $ kubectl get ns --sort-by=.none
    No resources found
    $ kubectl get ns --sort-by=.none -o name
    error: couldn't find any field with path "{.none}" in the list of objects
    [exit 1]
    $ kubectl get ns --sort-by='{.a'
    No resources found
    "#);
}

#[test]
fn kyaml_has_the_order_of_what_it_prints() {
    assert_snapshot!(Session::new().run(&[
        "kubectl create configmap a --from-literal=no=yes --from-literal=x=y",
        "kubectl get configmap a -o kyaml",
        "kubectl create job j --image=i --dry-run=client -o kyaml -- sh -c 'echo a'",
        "kubectl get configmap -o kyaml -l none",
    ]), @r#"
    $ kubectl create configmap a --from-literal=no=yes --from-literal=x=y
    configmap/a created
    $ kubectl get configmap a -o kyaml
    ---
    {
      apiVersion: "v1",
      data: {
        "no": "yes",
        x: "y",
      },
      kind: "ConfigMap",
      metadata: {
        creationTimestamp: "2026-01-01T00:00:00Z",
        name: "a",
        namespace: "default",
        resourceVersion: "216",
        uid: "ce3a5d3b-9726-44ce-add8-a00ce29485f2",
      },
    }
    $ kubectl create job j --image=i --dry-run=client -o kyaml -- sh -c 'echo a'
    ---
    {
      kind: "Job",
      apiVersion: "batch/v1",
      metadata: {
        name: "j",
      },
      spec: {
        template: {
          metadata: {},
          spec: {
            containers: [{
              name: "j",
              image: "i",
              command: [
                "sh",
                "-c",
                "echo a",
              ],
              resources: {},
            }],
            restartPolicy: "Never",
          },
        },
      },
      status: {},
    }
    $ kubectl get configmap -o kyaml -l none
    ---
    {
      apiVersion: "v1",
      items: [],
      kind: "List",
      metadata: {
        resourceVersion: "",
      },
    }
    "#);
}
