namespace Datapath.Policy.Rulesets.Reading;

/// <summary>Reads an external network (specification a.4).</summary>
internal static class ExternalNetworkReader
{
    public static ExternalNetwork Read(FieldReader fields) =>
        new()
        {
            At = fields.At,
            Name = ObjectReader.Name(fields),
            Namespace = NamespacePath.Read(fields),
            Description = ObjectReader.Description(fields),
            AssociatedTags = TagReader.AssociatedTags(fields),
            Metadata = TagReader.Metadata(fields),
            Entries = NetworkListReader.Entries(fields),
            Propagate = fields.Flag("propagate"),
            Archived = fields.Flag("archived"),
        };
}
