using System.Globalization;

namespace Datapath.KernelTests.Support;

/// <summary>How long a test may take: one that hangs fails by its name, instead of keeping the others from being told.</summary>
internal static class TestTime
{
    private const int Usual = 600;
    private const string Variable = "DATAPATH_TEST_SECONDS";

    /// <summary>Seconds; 0 for as long as it takes, as the long forms of tests need. <c>DATAPATH_TEST_SECONDS</c> sets it.</summary>
    public static int Seconds => int.TryParse(Environment.GetEnvironmentVariable(Variable), CultureInfo.InvariantCulture, out int seconds) ? seconds : Usual;
}
