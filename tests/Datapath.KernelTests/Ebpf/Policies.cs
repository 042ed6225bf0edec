namespace Datapath.KernelTests.Ebpf;

/// <summary>The policies of these tests: the host 10.0.0.1 and the pod web 10.1.0.2, everything rejected that no rule allows.</summary>
internal static class Policies
{
    private const string Units = """
          processingunits:
            - name: host
              namespace: /t
              attach: { host: true }
            - name: web
              namespace: /t
              associatedTags: ["app=web"]
              attach: { interface: web0 }
              addresses: [10.1.0.2, "2001:db8:1::2"]
        """;

    private const string Networks = """
          externalnetworks:
            - name: friends
              namespace: /t
              associatedTags: ["externalnetwork:name=friends"]
              entries: [10.9.0.0/16, "!10.9.9.0/24", "2001:db8:9::/48"]
        """;

    /// <summary>Friends may open tcp/80, udp/53 and ping on host and web; both may open tcp/443 and udp/123 to friends.</summary>
    public static string Friends { get; } = Enforcing(Incoming("tcp/80", "udp/53", "icmp/8", "icmp6/128", "gre") + Outgoing("tcp/443", "udp/123"));

    /// <summary>The same with nothing incoming.</summary>
    public static string NothingIncoming { get; } = Enforcing(Outgoing("tcp/443", "udp/123"));

    /// <summary>The same with nothing outgoing.</summary>
    public static string NothingOutgoing { get; } = Enforcing(Incoming("tcp/80", "udp/53", "icmp/8", "icmp6/128", "gre"));

    /// <summary>To be put behind a policy: the pod's interface is excluded, and so let go.</summary>
    public static string HandsOffWeb { get; } = Profile("excludedInterfaces: [web0]");

    /// <summary>To be put behind a policy: the host is not judged.</summary>
    public static string HostIgnored { get; } = Profile("ignoreExpression: [[\"$name=host\"]]");

    private static string Profile(string says) => $"""

          enforcerprofiles:
            - name: hands-off
              namespace: /
              associatedTags: [profile=hands-off]
              {says}
              propagate: true
          enforcerprofilemappingpolicies:
            - name: hands-off
              namespace: /
              subject: [[$identity=enforcer]]
              object: [[profile=hands-off]]
              propagate: true
        """;

    /// <summary>No rule and no default: discovery mode, in which ports do not matter.</summary>
    public static string Discovery { get; } = $"""
        APIVersion: 1
        label: discovery
        data:
        {Units}
        """;

    /// <summary>A policy of one ruleset for every unit, under defaults that reject.</summary>
    /// <param name="rules">The rules of both directions, as YAML.</param>
    public static string Enforcing(string rules) =>
        $"""
        APIVersion: 1
        label: enforcing
        data:
          namespaces:
            - name: /t
              defaultPUIncomingTrafficAction: Reject
              defaultPUOutgoingTrafficAction: Reject
        {Units}
        {Networks}
          networkrulesetpolicies:
            - name: everyone
              namespace: /t
              subject: [["$identity=processingunit"]]
        {rules}
        """;

    private static string Incoming(params string[] ports) => Rules("incomingRules", ports);

    private static string Outgoing(params string[] ports) => Rules("outgoingRules", ports);

    private static string Rules(string direction, string[] ports) =>
        $"""
              {direction}:
                - action: Allow
                  object: [["externalnetwork:name=friends"]]
                  protocolPorts: [{string.Join(", ", ports)}]

        """;
}
