using Xunit;

namespace Datapath.Tests.Support;

/// <summary>Recorded texts. With <c>UPDATE_GOLDEN=1</c> in the environment they are rewritten instead of compared; review the difference before committing it.</summary>
internal static class Golden
{
    private static readonly bool IsUpdating = Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1";

    /// <summary>Compares a text with the recorded one.</summary>
    public static void AssertMatches(string path, string actual)
    {
        if (IsUpdating)
        {
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{path} is not recorded: run the tests once with UPDATE_GOLDEN=1 and review it");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
