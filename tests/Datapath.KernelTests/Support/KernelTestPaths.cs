namespace Datapath.KernelTests.Support;

/// <summary>Where the build put what these tests start.</summary>
internal static class KernelTestPaths
{
    /// <summary>The tree that these tests were built in.</summary>
    public static string Repository =>
        AppContext.GetData("Datapath.KernelTests.Repository") as string ?? throw new InvalidOperationException("the build did not say where the tree is");

    /// <summary>The executable <c>datapath</c>.</summary>
    public static string Agent =>
        AppContext.GetData("Datapath.KernelTests.AgentPath") as string
        ?? throw new InvalidOperationException("the build did not say where the agent is");
}
