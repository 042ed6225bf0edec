using Datapath.Backends;
using Datapath.KernelTests.Support;
using Datapath.Lab.Networks;
using Xunit;

namespace Datapath.KernelTests.Host;

/// <summary>Two units of one host: a connection passes when both sides' policies allow it, and only then.</summary>
public sealed class LocalPairTests : IAsyncLifetime
{
    private HostLab _lab = null!;
    private LabHost _web = null!;
    private LabHost _database = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        _lab = await HostLab.CreateAsync();
        _lab.Host.Forward();
        _web = await AddPodAsync("web", 1);
        _database = await AddPodAsync("db", 2);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [KernelTheory]
    [InlineData("web", "db", "10.78.2.2", true, true)]
    [InlineData("web", "db", "10.78.2.2", true, false)]
    [InlineData("web", "db", "10.78.2.2", false, true)]
    [InlineData("host", "db", "2001:db8:2::2", true, true)]
    [InlineData("host", "db", "2001:db8:2::2", true, false)]
    [InlineData("host", "db", "2001:db8:2::2", false, true)]
    [InlineData("web", "host", "10.78.1.1", true, true)]
    [InlineData("web", "host", "10.78.1.1", true, false)]
    [InlineData("web", "host", "10.78.1.1", false, true)]
    public async Task Both_sides_are_asked(string from, string to, string destination, bool mayOpen, bool mayServe)
    {
        ApplyReport report = _lab.Apply(Policy(from, to, mayOpen, mayServe));
        Assert.Equal(["db0", "web0"], report.Attachments.Where(place => place.Unit != 1).Select(place => place.Interface).Order(StringComparer.Ordinal));
        bool isAllowed = mayOpen && mayServe;
        string source = SourceOf(from, destination);
        Assert.Equal(isAllowed, await _lab.ConnectsAsync(Of(from), source, Of(to), destination, 80, isAllowed));
        if (isAllowed)
        {
            // Each side's own rule decided about the SYN at least.
            Assert.Equal(["opens", "serves"], Met().Order(StringComparer.Ordinal));
        }
    }

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Units_that_a_bridge_joins_are_judged_by_their_own_policies_alone(bool mayServe)
    {
        // The host forwards nothing, and its own policy allows nothing.
        _lab.Host.Run(() => Directory.EnumerateFiles("/proc/sys/net/ipv4/conf", "forwarding", SearchOption.AllDirectories).ToList())
            .ForEach(setting => _lab.Host.Run(() => Off(setting)));
        HostLab.AddDevice(_lab.Host, "br0 type bridge");
        foreach ((LabHost pod, int number, string port) in (ReadOnlySpan<(LabHost, int, string)>)[(_web, 1, "web0"), (_database, 2, "db0")])
        {
            HostLab.Ip(_lab.Host, $"link set {port} master br0");
            HostLab.Ip(pod, $"address add 10.90.0.{number}/24 dev eth0");
        }

        HostLab.Ip(_lab.Host, "link set br0 up");
        string policy = Policy("web", "db", mayOpen: true, mayServe);
        _lab.Apply(policy.Replace("10.78.1.2", "10.90.0.1", StringComparison.Ordinal).Replace("10.78.2.2", "10.90.0.2", StringComparison.Ordinal));
        Assert.Equal(mayServe, await _lab.ConnectsAsync(_web, "10.90.0.1", _database, "10.90.0.2", 80, mayServe));
    }

    private static bool Off(string setting)
    {
        File.WriteAllText(setting, "0");
        return true;
    }

    private LabHost Of(string name) => name switch { "web" => _web, "db" => _database, _ => _lab.Host };

    private static string SourceOf(string from, string destination) => (from, destination.Contains(':', StringComparison.Ordinal)) switch
    {
        ("web", false) => "10.78.1.2",
        ("web", true) => "2001:db8:1::2",
        (_, false) => "10.78.2.1",
        (_, true) => "2001:db8:2::1",
    };

    /// <summary>The rulesets whose rules decided about packets; defaults and built-ins are of none.</summary>
    private IEnumerable<string> Met() => _lab.Counters.Rules.Keys.Select(rule => _lab.RuleNames[rule]).Where(name => name is "opens" or "serves").Distinct();

    private async Task<LabHost> AddPodAsync(string name, int number)
    {
        LabHost pod = await _lab.AddHostAsync(name);
        await LabNetwork.ConnectAsync(_lab.Host, $"{name}0", pod, "eth0", TestContext.Current.CancellationToken);
        HostLab.Address(_lab.Host, $"{name}0", $"10.78.{number}.1/24", $"2001:db8:{number}::1/64");
        HostLab.Address(pod, "eth0", $"10.78.{number}.2/24", $"2001:db8:{number}::2/64");
        HostLab.Ip(pod, $"route add default via 10.78.{number}.1");
        HostLab.Ip(pod, $"route add default via 2001:db8:{number}::1");
        return pod;
    }

    private static string Policy(string from, string to, bool mayOpen, bool mayServe)
    {
        string opens = mayOpen ? Ruleset("opens", from, "outgoingRules", to) : "";
        string serves = mayServe ? Ruleset("serves", to, "incomingRules", from) : "";
        return $$"""
            APIVersion: 1
            label: pairs
            data:
              namespaces:
                - name: /t
                  defaultPUIncomingTrafficAction: Reject
                  defaultPUOutgoingTrafficAction: Reject
              processingunits:
                - { name: host, namespace: /t, associatedTags: ["app=host"], attach: { host: true } }
                - { name: web, namespace: /t, associatedTags: ["app=web"], attach: { interface: web0 }, addresses: [10.78.1.2, "2001:db8:1::2"] }
                - { name: db, namespace: /t, associatedTags: ["app=db"], attach: { interface: db0 }, addresses: [10.78.2.2, "2001:db8:2::2"] }
              networkrulesetpolicies:
                - { name: nothing, namespace: /t, subject: [["$identity=processingunit"]] }
            {{opens}}{{serves}}
            """;
    }

    private static string Ruleset(string name, string subject, string direction, string peer) =>
        $"""
                - name: {name}
                  namespace: /t
                  subject: [["app={subject}"]]
                  {direction}:
                    - action: Allow
                      object: [["app={peer}"]]
                      protocolPorts: [tcp/80]

            """;
}
