using Datapath.Policy.Options;
using Datapath.Policy.Printing;
using Datapath.Tests.Support;
using Xunit;
using static Datapath.Tests.Support.Written;

namespace Datapath.Tests.Policy.Printing;

/// <summary>The printed stages of one small policy, in full.</summary>
public sealed class PolicyTextTests
{
    private static readonly Scenario Small = Scenario.Of(
        Unit("web", "app=web", "10.0.0.1").On("veth0"),
        Network("office", "10.0.0.0/8", "!10.9.0.0/16"),
        Ruleset("edge", "app=web") with
        {
            IncomingRules = [Allow("externalnetwork:name=office", "tcp/80:81") with { Name = "http" }],
        },
        Ruleset("off", "app=web") with
        {
            Disabled = true,
        }
    );

    [Fact]
    public void A_resolved_policy_prints_what_everything_means()
    {
        const string Expected = """
            namespace /: incoming Reject by /, outgoing Reject by /
              prefixes $controller= $id= $identity= $image= $name= $namespace= $type= @org:cloudaccount= @org:group= @org:kubernetes= @org:tenant= app:host:type= app= externalnetwork:name=
            failsafe before the default:
            network 0 office of /: 10.0.0.0/8 !10.9.0.0/16
              tags $identity=externalnetwork, $name=office, $namespace=/, externalnetwork:name=office
            unit 0 box of /, the host
              tags $identity=processingunit, $image=linux, $name=box, $namespace=/, $type=Host, @os:host=linux, @os:hostname=box
              addresses 192.0.2.1
              rulesets
            unit 1 web of /, interface veth0
              tags $identity=processingunit, $name=web, $namespace=/, $type=Docker, app=web
              addresses 10.0.0.1
              rulesets 0
            ruleset 0 edge of /
              in 1 Allow units [] networks [0] tcp/80:81 'http'
            inactive ruleset off of /: it is disabled

            """;
        Assert.Equal(Expected, PolicyText.Resolved(Small.Resolve().Policy));
    }

    [Fact]
    public void A_compiled_policy_prints_its_classes_and_cells()
    {
        string[] lines = PolicyText.Tables(Small.Compile()).Split('\n');
        Assert.Equal(
            [
                "peer classes 2",
                "  0.0.0.0 class 0",
                "  10.0.0.0 class 1",
                "  10.0.0.1 class 0 unit 2",
                "  10.0.0.2 class 1",
                "  10.9.0.0 class 0",
                "  10.10.0.0 class 1",
                "  11.0.0.0 class 0",
                "  192.0.2.1 class 0 unit 1",
                "  192.0.2.2 class 0",
                "  :: class 0",
            ],
            lines[..11]
        );
        Assert.Contains("  tcp: 0 class 0, 80 class 1, 82 class 0", lines);
        Assert.Contains("unit 2 web of /, interface veth0: policy 1", lines);
        Assert.Contains(lines, line => line.EndsWith(": ruleset / edge in 1 'http'", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.EndsWith(": default of namespace / out", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.EndsWith(", for a unit with itself", StringComparison.Ordinal));
    }

    [Fact]
    public void Failsafe_ports_print_with_direction_and_network()
    {
        Scenario scenario = Small with
        {
            Options = new PolicyOptions { Failsafe = [FailsafePort.Parse(Datapath.Policy.Compilation.Direction.Incoming, "tcp/22@10.0.0.0/8").Port!] },
        };
        Assert.Contains("failsafe before the default: in tcp/22@10.0.0.0/8\n", PolicyText.Resolved(scenario.Resolve().Policy), StringComparison.Ordinal);
    }
}
