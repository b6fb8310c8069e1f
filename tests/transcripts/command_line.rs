//! Command lines that are wrong, and those that ask for help.

use insta::assert_snapshot;

use super::Session;

#[test]
fn unknown_commands_are_met_with_what_comes_near() {
    assert_snapshot!(Session::new().run(&[
        "kubectl list",
        "kubectl gett",
        "kubectl rm",
        "kubectl conf",
        "kubectl foobar",
        "kstate nodes",
        "kubectl create foo",
        "kubectl create secret foo bar",
        "kubectl config foo",
        "kubectl rollout foo",
        "kubectl top foo",
        "kubectl alpha",
    ]), @r#"
    $ kubectl list
    error: unknown command "list" for "kubectl"

    Did you mean this?
    	get
    [exit 1]
    $ kubectl gett
    error: unknown command "gett" for "kubectl"

    Did you mean this?
    	set
    	get
    [exit 1]
    $ kubectl rm
    error: unknown command "rm" for "kubectl"

    Did you mean this?
    	run
    	delete
    	cp
    [exit 1]
    $ kubectl conf
    error: unknown command "conf" for "kubectl"

    Did you mean this?
    	config
    [exit 1]
    $ kubectl foobar
    error: unknown command "foobar" for "kubectl"
    [exit 1]
    $ kstate nodes
    error: unknown command "nodes" for "kstate"

    Did you mean this?
    	node
    [exit 1]
    $ kubectl create foo
    error: Unexpected args: [foo]
    See 'kubectl create -h' for help and examples
    [exit 1]
    $ kubectl create secret foo bar
    error: unknown command "foo bar"
    See 'kubectl create secret -h' for help and examples
    [exit 1]
    $ kubectl config foo
    error: unknown command "foo"
    See 'kubectl config -h' for help and examples
    [exit 1]
    $ kubectl rollout foo
    error: unknown command "foo"
    See 'kubectl rollout -h' for help and examples
    [exit 1]
    $ kubectl top foo
    error: unknown command "foo"
    See 'kubectl top -h' for help and examples
    [exit 1]
    $ kubectl alpha
    No alpha commands are available in this version of kubectl
    "#);
}

#[test]
fn the_first_fault_of_the_flags_is_named() {
    assert_snapshot!(Session::new().run(&[
        "kubectl get --help --foo",
        "kubectl get --=x",
        "kubectl get -Ax",
        "kubectl get -An",
        "kubectl get --namespace",
        "kubectl get --all_namespaces=perhaps",
        "kubectl get --chunk-size=x --foo",
        "kubectl get --foo --chunk-size=x",
        "kubectl scale deploy x --replicas=99999999999999999999",
        "kubectl wait pod/x --timeout=5",
        "kubectl diff --foo",
        "kubectl options --foo",
        "kubectl --version",
        "kubectl --v=x get pods",
        "kubectl get pods --log-flush-frequency=x",
        "kubectl foo --bar",
        "kubectl --bar foo",
    ]), @r#"
    $ kubectl get --help --foo
    error: unknown flag: --foo
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get --=x
    error: bad flag syntax: --=x
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get -Ax
    error: unknown shorthand flag: 'x' in -x
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get -An
    error: flag needs an argument: 'n' in -n
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get --namespace
    error: flag needs an argument: --namespace
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get --all_namespaces=perhaps
    error: invalid argument "perhaps" for "-A, --all-namespaces" flag: strconv.ParseBool: parsing "perhaps": invalid syntax
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get --chunk-size=x --foo
    error: invalid argument "x" for "--chunk-size" flag: strconv.ParseInt: parsing "x": invalid syntax
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get --foo --chunk-size=x
    error: unknown flag: --foo
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl scale deploy x --replicas=99999999999999999999
    error: invalid argument "99999999999999999999" for "--replicas" flag: strconv.ParseInt: parsing "99999999999999999999": value out of range
    See 'kubectl scale --help' for usage.
    [exit 1]
    $ kubectl wait pod/x --timeout=5
    error: invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"
    See 'kubectl wait --help' for usage.
    [exit 1]
    $ kubectl diff --foo
    error: unknown flag: --foo
    See 'kubectl diff -h' for help and examples
    [exit 2]
    $ kubectl options --foo
    error: unknown flag: --foo
    Run 'kubectl options' without flags.
    [exit 1]
    $ kubectl --version
    error: unknown flag: --version
    See 'kubectl --help' for usage.
    [exit 1]
    $ kubectl --v=x get pods
    error: invalid argument "x" for "-v, --v" flag: strconv.ParseInt: parsing "x": invalid syntax
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl get pods --log-flush-frequency=x
    error: invalid argument "x" for "--log-flush-frequency" flag: parse error
    See 'kubectl get --help' for usage.
    [exit 1]
    $ kubectl foo --bar
    error: unknown command "foo" for "kubectl"

    Did you mean this?
    	top
    [exit 1]
    $ kubectl --bar foo
    error: unknown flag: --bar
    See 'kubectl --help' for usage.
    [exit 1]
    "#);
}

#[test]
fn flags_in_old_forms_are_taken_with_a_warning() {
    assert_snapshot!(Session::new().run(&[
        "kubectl create configmap a --dry-run",
        "kubectl create configmap a --dry-run=T",
        "kubectl create configmap a --dry-run=false",
        "kubectl delete configmap a --cascade=true",
        "kubectl delete configmap none --cascade=F",
        "kubectl delete configmap none --cascade=maybe",
        "kubectl label namespace default a=b --record",
    ]), @r#"
    $ kubectl create configmap a --dry-run
    W0101 00:00:00.000000       1 helpers.go:719] --dry-run is deprecated and can be replaced with --dry-run=client.
    configmap/a created (dry run)
    $ kubectl create configmap a --dry-run=T
    W0101 00:00:00.000000       1 helpers.go:733] --dry-run=T is deprecated (boolean value) and can be replaced with --dry-run=client.
    configmap/a created (dry run)
    $ kubectl create configmap a --dry-run=false
    W0101 00:00:00.000000       1 helpers.go:736] --dry-run=false is deprecated (boolean value) and can be replaced with --dry-run=none.
    configmap/a created
    $ kubectl delete configmap a --cascade=true
    warning: --cascade=true is deprecated (boolean value) and can be replaced with --cascade=background.
    configmap "a" deleted from default namespace
    $ kubectl delete configmap none --cascade=F
    warning: --cascade=F is deprecated (boolean value) and can be replaced with --cascade=orphan.
    Error from server (NotFound): configmaps "none" not found
    [exit 1]
    $ kubectl delete configmap none --cascade=maybe
    error: invalid cascade value (maybe). Must be "background", "foreground", or "orphan"
    [exit 1]
    $ kubectl label namespace default a=b --record
    Flag --record has been deprecated, --record will be removed in the future
    namespace/default labeled
    "#);
}

#[test]
fn help_lists_what_is_below() {
    let mut session = Session::new();
    let mut help = |line: &str| session.run(&[line]);
    assert!(
        help("kubectl help create").contains("Available Commands:\n  clusterrole           Create a cluster role\n")
    );
    assert!(help("kubectl help config set").contains("Set an individual value in a kubeconfig file."));
    assert!(help("kubectl top -h").contains("  node          Display resource (CPU/memory) usage of nodes\n"));
    assert!(help("kubectl top pod -h").contains("Usage:\n  kubectl top pod [NAME | -l label] [options]\n"));
    assert!(help("kubectl help foo").starts_with("$ kubectl help foo\nUnknown help topic [`foo`]\n\n\nBasic Commands"));
    assert!(help("kubectl options").contains("    --cluster='':\n\tThe name of the kubeconfig cluster to use\n"));
    assert!(help("kstate options").contains("    --cluster='':\n\tThe kstate cluster to work on\n"));
    assert_snapshot!(help("kubectl config unset"), @r#"
    $ kubectl config unset
    Unset an individual value in a kubeconfig file.

     PROPERTY_NAME is a dot delimited name where each token represents either an attribute name or a map key.  Map keys may not contain dots.

    Examples:
      # Unset the current-context
      kubectl config unset current-context
      
      # Unset namespace in foo context
      kubectl config unset contexts.foo.namespace

    Usage:
      kubectl config unset PROPERTY_NAME [options]

    Use "kubectl options" for a list of global command-line options (applies to all commands).
    error: Unexpected args: []
    [exit 1]
    "#);
    assert_snapshot!(help("kubectl explain --help"), @r#"
    $ kubectl explain --help
    Describe fields and structure of various resources.

     This command describes the fields associated with each supported API resource. Fields are identified via a simple JSONPath identifier:

            <type>.<fieldName>[.<fieldName>]
            
     Information about each field is retrieved from the server in OpenAPI format.

    Use "kubectl api-resources" for a complete list of supported resources.

    Examples:
      # Get the documentation of the resource and its fields
      kubectl explain pods
      
      # Get all the fields in the resource
      kubectl explain pods --recursive
      
      # Get the explanation for deployment in supported api versions
      kubectl explain deployments --api-version=apps/v1
      
      # Get the documentation of a specific field of a resource
      kubectl explain pods.spec.containers
      
      # Get the documentation of resources in different format
      kubectl explain deployment --output=plaintext-openapiv2

    Options:
        --api-version='':
    	Get different explanations for particular API version (API group/version)

        -o, --output='plaintext':
    	Format in which to render the schema (plaintext, plaintext-openapiv2)

        -R, --recursive=false:
    	Print the fields of fields (Currently only 1 level deep)

    Usage:
      kubectl explain TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] [-o|--output=plaintext|plaintext-openapiv2] [options]

    Use "kubectl options" for a list of global command-line options (applies to all commands).
    "#);
}
