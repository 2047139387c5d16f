"""The revision chain as real migrations ran it, against the data that the generator took from the packages."""

from __future__ import annotations

from itertools import pairwise

from migration_cockpit.advice import revisions

SEEN = {
    "2.10.3": "5f2621c13b39",
    "3.0.0": (
        "044f740568ec d0f1c55954fa 0bfc26bc256e a2c32e6c7729 1cdc775ca98f 522625f6d606 16cbcb1c8c36 44eabb1904b4 "
        "0d9e73a75ee4 c3389cd7793f 5a5d66100783 fb2d4922cd79 3a8972ecb8f9 05234396c6fc d59cbbef95eb 486ac7936b78 "
        "5f57a45b8433 d8cd3297971e d03e4a635aa3 2b47dc6bc8df 9fc3fc5de720 eed27faa34e3 e229247a6cb1 038dc8bc6284 "
        "237cef8dfea1 5c9c0231baa2 38770795785f e39a26ac59f6 8ea135928435 33b04e4bfa19 6a9e7a527a88 e00344393f31 "
        "7645189f3479 cf87489a35df 16f7f5ee874e d469d27e2a64 be2cc2f742cf ec62e120484d 0e9519b56710 959e216a3abb "
        "29ce7909c52b "
    ),
    "3.0.3": "fe199e1abd77",
    "3.1.0": (
        "dfee8bd5d574 0242ac120002 3ac9e5732b1f 583e80dfcef4 66a7743fe20e ffdb0566c7c0 40f7c30a228b 09fa89ba1710 "
        "f56f68b9e02f 3bda03debd04 808787349f22 a169942745c2 7582ea3f3dd5 a3c7f2b18d4e eaf332f43c7c cc92b33c6709 "
    ),
    "3.1.8": "82dbd68e6171 509b94a1042d",
    "3.2.0": (
        "15d84ca19038 ab6dc0c82d0e 1b2c3d4e5f6g 5cc8117e9285 69ddce9a7247 b87d2135fa50 e812941398f4 665854ef0536 "
        "b12d4f98a91e edc4f85a4619 c47f2e1ab9d4 0b112f49112d e79fc784f145 55297ae24532 a5a3e5eb9b8d 53ff648b8a26 "
        "f8c9d7e6b5a4 e42d9fcd10d9 134de42d3cb0 6222ce48e289 888b59e02a5b 1d6611b6ab7c "
    ),
    "3.3.0": (
        "a4c2d171ae18 9fabad868fdb fde9ed84d07b b8f3e4a1d2c9 a7f3b2c1d4e5 a1b2c3d4e5f6 acc215baed80 8812eb67b63c "
        "a7e6d4c3b2f1 c9d4e5f6a7b8 c20871fbf23a dd5f3a8e2b91 9ff64e1c35d3 d2f4e1b3c5a7 "
    ),
}
"""Version -> the revisions it brought, in the order in which `airflow db migrate` ran them."""


def test_the_chain_is_the_one_that_real_migrations_ran() -> None:
    ran = [(name, version) for version, names in SEEN.items() for name in names.split()]
    assert [(each.revision, each.version) for each in revisions.core().revisions] == ran


def test_each_revision_follows_the_one_before() -> None:
    for chain in (revisions.core(), revisions.fab()):
        for before, after in pairwise(chain.revisions):
            assert after.down_revision == before.revision
        assert set(chain.heads.values()) <= {each.revision for each in chain.revisions}


def test_every_release_from_2_10_3_on_has_its_head() -> None:
    heads = revisions.core().heads
    assert {version for version, head in heads.items() if head == "5f2621c13b39"} == {
        *("2.10.3", "2.10.4", "2.10.5", "2.11.0", "2.11.1", "2.11.2")
    }
    expected = {
        **dict.fromkeys(("3.0.0", "3.0.1", "3.0.2"), "29ce7909c52b"),
        **dict.fromkeys(("3.0.3", "3.0.4", "3.0.6"), "fe199e1abd77"),
        **dict.fromkeys(("3.1.0", "3.1.3", "3.1.7"), "cc92b33c6709"),
        "3.1.8": "509b94a1042d",
        **dict.fromkeys(("3.2.0", "3.2.1", "3.2.2"), "1d6611b6ab7c"),
        **dict.fromkeys(("3.3.0", "3.3.2"), "d2f4e1b3c5a7"),
    }
    assert expected.items() <= heads.items()


def test_the_fab_head_changed_with_provider_3_6() -> None:
    assert [each.revision for each in revisions.fab().revisions] == ["6709f7a774b9", "02ca36b0235b"]
    assert revisions.fab().heads["3.5.0"] == "6709f7a774b9"
    assert revisions.fab().heads["3.6.4"] == "02ca36b0235b"
