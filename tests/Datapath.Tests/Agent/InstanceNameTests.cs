using Datapath.Agent;
using Xunit;

namespace Datapath.Tests.Agent;

public sealed class InstanceNameTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("default")]
    [InlineData("demo-12345")]
    [InlineData("01234567890123456789")]
    public void A_name_of_the_allowed_characters_is_a_name(string text) => Assert.Equal(text, InstanceName.Parse(text)?.Text);

    [Theory]
    [InlineData("")]
    [InlineData("A")]
    [InlineData("a_b")]
    [InlineData("../x")]
    [InlineData("a\n")]
    [InlineData("012345678901234567890")]
    public void Anything_else_is_not(string text) => Assert.Null(InstanceName.Parse(text));

    [Fact]
    public void Paths_follow_from_the_name()
    {
        InstanceName name = InstanceName.Parse("lab")!;
        Assert.Equal("/run/datapath/lab.sock", name.DefaultSocketPath);
        Assert.Equal("/var/lib/datapath/lab", name.DefaultStateDirectory);
        Assert.Equal("/run/datapath/datapath.sock", InstanceName.Default.DefaultSocketPath);
        Assert.Equal("/run/datapath/datapath.sock", InstanceName.Parse("default")!.DefaultSocketPath);
    }
}
